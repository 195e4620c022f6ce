"""A service account's key file, read into credentials for Sheets and Drive."""

from pathlib import Path

from google.oauth2.service_account import Credentials

from tabstream.errors import ConfigurationError

SCOPES = (
    "https://www.googleapis.com/auth/spreadsheets",
    "https://www.googleapis.com/auth/drive.metadata.readonly",
)


def load_credentials(path: Path) -> Credentials:
    """Reads the JSON key of a service account. Raises ConfigurationError, which never quotes the file's content."""
    try:
        credentials: Credentials = Credentials.from_service_account_file(str(path), scopes=list(SCOPES))  # type: ignore[no-untyped-call]
    except OSError as error:
        raise ConfigurationError(
            f"the credentials file {str(path)!r} can't be read ({error.strerror}): "
            "set TABSTREAM_GOOGLE_CREDENTIALS_FILE to the JSON key of a service account"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"the credentials file {str(path)!r} is not the JSON key of a service account: "
            "create a key of type JSON for it in the Google Cloud console and download it again"
        ) from error
    return credentials
