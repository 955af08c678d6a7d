"""What scikit-learn's callbacks are told of a fit; versions before 1.9 have none."""

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """An estimator that takes no callbacks."""

    def with_callbacks(method):
        """Leave the method as it is."""
        return method


class FitTasks:
    """Tells an estimator's callbacks of its fit, and of the epochs in it.

    Parameters
    ----------
    estimator : estimator
    n_epochs : int
        At most.
    **data
        The X, y and metadata of the fit, as the user gave them.
    """

    def __init__(self, estimator, n_epochs, **data):
        self._estimator, self._data, self._fit = estimator, data, None
        if getattr(estimator, "_skl_callbacks", None):
            self._fit = estimator._init_callback_context(max_subtasks=n_epochs)
            self._begin(self._fit)

    def begin_epoch(self):
        """Before an epoch."""
        if self._fit is not None:
            self._epoch = self._fit.subcontext(task_name="epoch")
            self._begin(self._epoch)

    def end_epoch(self, fitted):
        """After an epoch; `fitted` gives the attributes of an estimator that stops here.

        Returns
        -------
        stop : bool
            Whether a callback asks for the end.
        """
        return self._fit is not None and self._end(self._epoch, fitted)

    def end(self, fitted):
        """After the last epoch."""
        if self._fit is not None:
            self._end(self._fit, fitted)

    def _begin(self, context):
        context.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def _end(self, context, fitted):
        return context.call_on_fit_task_end(
            estimator=self._estimator, **self._data, reconstruction_attributes=fitted
        )
