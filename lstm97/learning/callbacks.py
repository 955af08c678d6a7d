"""Callbacks of scikit-learn, which it has since version 1.9, and the tasks of a fit.

`sklearn.callback` is imported when an estimator gets callbacks: that takes half as long as the
import of this whole package.
"""

from typing import Any, Self


class CallbackSupport:
    """An estimator that takes callbacks."""

    def set_callbacks(self, *callbacks: Any) -> Self:
        """Set scikit-learn's callbacks.

        Parameters
        ----------
        *callbacks : callback instances
            None of them removes those that were set before.

        Returns
        -------
        self : object
            The same estimator.
        """
        from sklearn.callback import CallbackSupportMixin

        CallbackSupportMixin.set_callbacks(self, *callbacks)
        return self

    def _init_callback_context(self, **options: Any) -> Any:
        """Return the context of a fit; meta-estimators call this, too."""
        from sklearn.callback import CallbackSupportMixin

        return CallbackSupportMixin._init_callback_context(self, **options)


def fit_with_callbacks(model, *data):
    """Call the `_fit` of an estimator that has callbacks; tear them down at its end."""
    from sklearn.callback import with_callbacks

    with_callbacks(type(model)._fit)(model, *data)


class FitTasks:
    """Tells the callbacks of an estimator about its fit, and about each epoch.

    Parameters
    ----------
    estimator : estimator
        One that has callbacks.
    n_epochs : int
        The largest number of epochs.
    fitted : callable
        Returns the fitted attributes of an estimator that stops learning now.
    data : dict
        X, y and metadata of the fit, as the user gave them.
    """

    def __init__(self, estimator, n_epochs, fitted, data):
        self._estimator, self._fitted, self._data = estimator, fitted, data
        self._fit = estimator._init_callback_context(max_subtasks=n_epochs)
        self._begin(self._fit)

    def begin_epoch(self):
        """Tell that an epoch begins."""
        self._epoch = self._fit.subcontext(task_name="epoch")
        self._begin(self._epoch)

    def end_epoch(self):
        """Tell that the epoch has ended; return whether a callback asks for the end of the fit."""
        return self._end(self._epoch)

    def end(self):
        """Tell that the fit has ended."""
        self._end(self._fit)

    def _begin(self, context):
        context.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def _end(self, context):
        return context.call_on_fit_task_end(
            estimator=self._estimator, **self._data, reconstruction_attributes=self._fitted
        )
