"""What the API server says when it will not have an object. Pure."""


def over_quota(text: str) -> bool:
    """Tell whether a quota of the namespace is used up."""
    return "exceeded quota" in text


def unanswered(text: str) -> bool:
    """Tell whether a webhook that has to be asked did not answer: its controller is down."""
    return "failed calling webhook" in text
