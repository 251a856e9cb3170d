"""What can go wrong through no fault of the code; our own mistakes are asserts.

    ValueError
    └── MiniGPTError          the user can mend it; the message says what happened, where, and what to type
        ├── ConfigError       a field of `TrainConfig`, or an option that sets one
        ├── DataError         a data file: missing, damaged, or of the wrong shape
        ├── TokenizerError    the merge files of the tokenizer, or ids that are none
        ├── CheckpointError   a trained model on disk
        └── SamplingError     a request for text that cannot be met

Every command line turns a `MiniGPTError` into its message and exit code 2 (`minigpt.commandline`).
"""

import pickle
import struct
import zipfile

# What torch.load raises for files that are cut short, overwritten, or no torch file at all.
UNREADABLE = (
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
    """Base of everything a user can mend."""


class ConfigError(MiniGPTError):
    """A configuration that cannot be trained."""


class DataError(MiniGPTError):
    """Data that cannot be used: one line naming the file, the cause and the fix."""


class TokenizerError(MiniGPTError):
    """A tokenizer that cannot be built, or ids it does not know."""


class CheckpointError(MiniGPTError):
    """A trained model that cannot be read back."""


class SamplingError(MiniGPTError):
    """A prompt, temperature or top-k from which no text can be drawn."""
