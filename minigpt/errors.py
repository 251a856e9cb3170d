"""Errors that a user can mend. Our own mistakes are asserts.

    ValueError
    └── MiniGPTError          the message says what happened, where, and what to type
        ├── ConfigError       a field of `TrainConfig`, or an option that sets one
        ├── DataError         a data file: missing, damaged, or of the wrong shape
        ├── TokenizerError    a merge file of the tokenizer, or an id that it does not know
        ├── CheckpointError   a trained model on disk
        └── SamplingError     a request for text that cannot be met

Every command line turns a `MiniGPTError` into its message and exit code 2 (`minigpt.cli.application`).
"""

import pickle
import struct
import zipfile

# What torch.load raises for files that are cut short, overwritten, or not torch files at all.
TORCH_LOAD_ERRORS = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    struct.error,
    AssertionError,
    OSError,
    EOFError,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
)


class MiniGPTError(ValueError):
    """Base of all errors that a user can mend."""


class ConfigError(MiniGPTError):
    """A configuration that cannot be trained."""


class DataError(MiniGPTError):
    """Data that cannot be used. The message is one line with the file, the cause and the fix."""


class TokenizerError(MiniGPTError):
    """A tokenizer that cannot be built, or an id that it does not know."""


class CheckpointError(MiniGPTError):
    """A trained model that cannot be read back."""


class SamplingError(MiniGPTError):
    """A prompt, temperature or top-k from which no text can be drawn."""
