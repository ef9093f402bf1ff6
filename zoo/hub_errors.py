"""What the Hub and its client can answer, each as one sentence with an exit code; none holds a token."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from zoo.errors import MissingError, NetworkError, UsageError, ZooError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_REFUSED = frozenset({401, 403, 404})
_NOT_FOUND, _STALE = 404, 412


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked: of which Hub, about which repository and revision, how often."""

    endpoint: str
    repo: str
    revision: str
    tries: int


def told(error: Exception, asked: Asked) -> Exception:
    """Return the error to raise instead; one that is not about the Hub is returned as it is."""
    from huggingface_hub import errors

    if isinstance(error, ZooError) or (isinstance(error, OSError) and error.errno in FULL):
        return error
    if isinstance(error, errors.GatedRepoError):
        way = f"ask for access at {asked.endpoint}/{asked.repo}, then log in with 'hf auth login' or set HF_TOKEN"
        return NetworkError(f"{asked.repo}: is gated; {way}")
    if isinstance(error, errors.RevisionNotFoundError):
        way = "leave it out for the newest, or name a tag of it"
        return MissingError(f"{asked.repo}: has no revision '{asked.revision}'; {way}")
    if isinstance(error, errors.HFValidationError):
        return UsageError(f"{asked.repo}: is no name that the Hub takes; say org/name")
    return _by_status(error, asked)


def passing(error: Exception) -> bool:
    """Return whether asking again may help."""
    from huggingface_hub import errors

    if isinstance(error, errors.OfflineModeIsEnabled | errors.LocalEntryNotFoundError):
        return False  # nothing can be asked, or the client has tried for long enough itself
    if status(error):
        return status(error) in _PASSING
    return _of_transfer(error) or (isinstance(error, OSError) and error.errno is None)


def cause(error: Exception) -> Exception:
    """Return the answer of the Hub that the client has wrapped into another error, or the error itself."""
    inner = error.__cause__
    return inner if isinstance(inner, Exception) and status(inner) and not status(error) else error


def status(error: BaseException | None) -> int:
    """Return the HTTP status that an error is about, 0 where it is about none."""
    return int(getattr(getattr(error, "response", None), "status_code", 0) or 0)


def _by_status(error: Exception, asked: Asked) -> Exception:
    code = status(error)
    if code in _REFUSED:
        return NetworkError(_refused(error, asked))
    if code == _STALE:
        return NetworkError(f"{asked.repo}: was changed by somebody else meanwhile, nothing was written; push again")
    if not _of_transfer(error) and not (isinstance(error, OSError) and not _of_the_disk(error)):
        return error
    what = f"answered {code}" if code else f"cannot be reached ({type(error).__name__})"
    way = "try again later, name a mirror by HF_ENDPOINT, or use what was pulled before with ZOO_OFFLINE=1"
    return NetworkError(f"{asked.endpoint} {what}, asked {asked.tries} times for {asked.repo}; {way}")


def _refused(error: Exception, asked: Asked) -> str:
    from huggingface_hub import errors, get_token

    repo, endpoint = asked.repo, asked.endpoint
    if isinstance(error, errors.EntryNotFoundError):
        return f"{repo}: a file is gone that its listing names; pull again"
    if not get_token():
        way = "check the name, or log in with 'hf auth login' or set HF_TOKEN if it is private"
        return f"{endpoint} shows no repository {repo} without a token; {way}"
    if isinstance(error, errors.RepositoryNotFoundError) and status(error) == _NOT_FOUND:
        return f"{endpoint} has no repository {repo} that your token may see; check the name and the token"
    way = "log in again with 'hf auth login', set HF_TOKEN, or unset it for what is public"
    return f"{endpoint} refuses your token for {repo} (HTTP {status(error)}); {way}"


def _of_the_disk(error: OSError) -> bool:
    return error.errno is not None and not isinstance(error, ConnectionError | TimeoutError)


def _of_transfer(error: Exception) -> bool:
    """Return whether an error is about moving bytes; the client's faster protocol raises plain RuntimeErrors."""
    return isinstance(error, _http_error() | RuntimeError)


def _http_error() -> type[Exception]:
    """Return what the client's HTTP library raises; which library it is differs between the client's versions."""
    from huggingface_hub import errors

    found: type[Exception] = vars(errors)["HTTPError"]
    return found
