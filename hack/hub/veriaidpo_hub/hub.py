"""From a question to an answer: access first, then repository, revision, entry, as the real hub does."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from veriaidpo_hub import files, listing, metrics, routes
from veriaidpo_hub.access import Access
from veriaidpo_hub.answers import Answer, HubError, as_json, as_text
from veriaidpo_hub.faults import Faults
from veriaidpo_hub.repositories import HubFile, Repositories, Repository, Revision
from veriaidpo_hub.routes import Kind, Route

_PAGE = 1000
_HOST = re.compile(r"[A-Za-z0-9.:_\[\]-]+")


@dataclass(frozen=True, slots=True)
class Question:
    """A request, without its connection. Header names are lowercase."""

    method: str
    target: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Hub:
    """All that answering needs.

    `faults`: what it does wrong on purpose. `cdn`: origin that large files are redirected to, None to send
    them right away. `key` signs the addresses there.
    """

    repositories: Repositories
    access: Access
    metrics: metrics.Metrics
    faults: Faults = field(default_factory=Faults)
    cdn: str | None = None
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def answer(self, question: Question) -> Answer:
        """Answer a request; nothing a client can send raises."""
        route = routes.parse(question.target)
        repository = None
        try:
            if route.owner:
                self.faults.refuse(route.repository)
                self._admit(route, question)
                repository = self.repositories.find(route.owner, route.name)
                answer = self._about(repository, route, question)
            else:
                answer = self._about_itself(route)
        except HubError as error:
            answer = error.answer()
        except OSError as error:  # a folder that is gone, or not ours to read
            message = f"The folders cannot be read: {error.strerror}."
            answer = HubError(503, message, headers={"Retry-After": "1"}).answer()
        return replace(answer, route=str(route.kind), repo=repository.name if repository else "")

    def _about_itself(self, route: Route) -> Answer:
        match route.kind:
            case Kind.HEALTH:
                return as_text("ok\n")
            case Kind.METRICS:
                return as_text(self.metrics.text(), metrics.CONTENT_TYPE)
        raise HubError(404, "Sorry, we can't find the page you are looking for.")

    def _admit(self, route: Route, question: Question) -> None:
        authorization = question.headers.get("authorization")
        if route.kind is Kind.CDN:
            self._admit_signed(route, authorization)
        elif refusal := self.access.refusal(route, authorization):
            asks = {"WWW-Authenticate": 'Bearer realm="Authentication required", charset="UTF-8"'}
            headers = asks if refusal.status == 401 else {}
            raise HubError(refusal.status, refusal.message, refusal.code, headers)

    def _admit_signed(self, route: Route, authorization: str | None) -> None:
        # As the stores behind the real hub: a signed address and a token together are a mistake, and a client
        # that sends its token on to another host is to be found out.
        if authorization is not None:
            raise HubError(400, "Only one authentication mechanism is allowed.")
        if not hmac.compare_digest(
            route.query.get("signature", "").encode(), self._signature(route).encode()
        ):
            raise HubError(403, "The signature does not match.")

    def _about(self, repository: Repository | None, route: Route, question: Question) -> Answer:
        if repository is None:
            raise HubError(404, "Repository not found", "RepoNotFound")
        if route.kind is Kind.REFS:
            return as_json(listing.refs(repository))
        revision = repository.find(route.revision)
        if revision is None:
            raise HubError(404, f"Invalid rev id: {route.revision}", "RevisionNotFound")
        match route.kind:
            case Kind.INFO:
                return self._info(repository, revision, route)
            case Kind.TREE:
                return _tree(revision, route, question)
        return self._file(repository, revision, route, question)

    def _info(self, repository: Repository, revision: Revision, route: Route) -> Answer:
        gated = repository.name in self.access.gated
        private = self.access.token is not None and not gated
        body = listing.info(repository, revision, blobs=route.asks("blobs"), private=private, gated=gated)
        return as_json(self.faults.lie(repository.name, body))

    def _file(self, repository: Repository, revision: Revision, route: Route, question: Question) -> Answer:
        commit = {"X-Repo-Commit": revision.commit}
        file = revision.files.get(route.path)
        if file is None:
            raise HubError(404, "Entry not found", "EntryNotFound", commit)
        if route.kind is Kind.CDN:
            return self._bytes(repository, file, question, {})
        if elsewhere := self.faults.elsewhere(f"{repository.name}/{file.path}", commit):
            return elsewhere
        if file.large:
            commit |= {"X-Linked-Size": str(file.size), "X-Linked-Etag": f'"{file.etag}"'}
            if self.cdn is not None:
                return self._redirect(replace(route, revision=revision.commit), commit)
        return self._bytes(repository, file, question, commit)

    def _bytes(
        self, repository: Repository, file: HubFile, question: Question, headers: dict[str, str]
    ) -> Answer:
        head = question.method == "HEAD"
        return files.answer(
            repository.name, file, question.headers, extra=headers, head=head, faults=self.faults
        )

    def _redirect(self, route: Route, headers: dict[str, str]) -> Answer:
        path = quote(f"/cdn/{route.repository}/{route.revision}/{route.path}")
        location = f"{self.cdn}{path}?signature={self._signature(route)}"
        return Answer(302, {**headers, "Location": location, "Content-Length": "0"})

    def _signature(self, route: Route) -> str:
        text = f"{route.repository}/{route.revision}/{route.path}"
        return hmac.new(self.key, text.encode(errors="replace"), hashlib.sha256).hexdigest()


def _tree(revision: Revision, route: Route, question: Question) -> Answer:
    if route.path not in revision.folders:
        raise HubError(404, f"{route.path} does not exist on {route.revision!r}", "EntryNotFound")
    entries = listing.tree(
        revision, route.path, recursive=route.asks("recursive"), expand=route.asks("expand")
    )
    limit = route.query.get("limit", "")
    count = min(max(int(limit), 1), _PAGE) if re.fullmatch("[0-9]{1,6}", limit) else _PAGE
    rest = [entry for entry in entries if entry["path"] > route.query.get("cursor", "")]
    headers = {}
    if len(rest) > count:
        after = route.query_with(cursor=rest[count - 1]["path"])
        address = f"http://{_host(question)}{question.target.partition('?')[0]}?{after}"
        headers["Link"] = f'<{address}>; rel="next"'
    return as_json(rest[:count], headers=headers)


def _host(question: Question) -> str:
    host = question.headers.get("host", "")
    if not _HOST.fullmatch(host):
        raise HubError(400, "The Host header is missing or malformed.")
    return host
