"""Support of scikit-learn's callbacks, which need scikit-learn 1.9 or later.

`sklearn.callback` is imported only when an estimator gets callbacks, because its import takes half
as long as the import of this whole package.
"""

from typing import Any, Self


class CallbackSupport:
    """Mixin for estimators that accept callbacks."""

    def set_callbacks(self, *callbacks: Any) -> Self:
        """Set scikit-learn's callbacks.

        Parameters
        ----------
        *callbacks : callback instances
            Callbacks to set. A call without arguments removes those set before.

        Returns
        -------
        self : object
            The same estimator.
        """
        from sklearn.callback import CallbackSupportMixin

        CallbackSupportMixin.set_callbacks(self, *callbacks)
        return self

    def _init_callback_context(self, **options: Any) -> Any:
        """Return the callback context of a fit; meta-estimators also call this method."""
        from sklearn.callback import CallbackSupportMixin

        return CallbackSupportMixin._init_callback_context(self, **options)


def fit_with_callbacks(model, *data):
    """Call `_fit` of an estimator with callbacks, and tear them down at its end."""
    from sklearn.callback import with_callbacks

    with_callbacks(type(model)._fit)(model, *data)


class FitTasks:
    """Tasks of a fit, which notify the callbacks of the fit and of each epoch.

    Parameters
    ----------
    estimator : estimator
        Estimator with callbacks.
    n_epochs : int
        Maximum number of epochs.
    fitted : callable
        Function that returns the fitted attributes as they would be if training ended now.
    data : dict
        X, y and metadata of the fit, as the user passed them.
    """

    def __init__(self, estimator, n_epochs, fitted, data):
        self._estimator, self._fitted, self._data = estimator, fitted, data
        self._fit = estimator._init_callback_context(max_subtasks=n_epochs)
        self._begin(self._fit)

    def begin_epoch(self):
        """Notify the callbacks that an epoch begins."""
        self._epoch = self._fit.subcontext(task_name="epoch")
        self._begin(self._epoch)

    def end_epoch(self):
        """Notify the callbacks that the epoch has ended; return whether one stops the fit."""
        return self._end(self._epoch)

    def end(self):
        """Notify the callbacks that the fit has ended."""
        self._end(self._fit)

    def _begin(self, context):
        context.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def _end(self, context):
        return context.call_on_fit_task_end(
            estimator=self._estimator, **self._data, reconstruction_attributes=self._fitted
        )
