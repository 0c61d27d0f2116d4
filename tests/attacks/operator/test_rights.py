"""K1: somebody who has the token of one of the product's accounts, and asks the API server for more."""

from collections.abc import Iterator

from ..conftest import Attack
from .api_server import DRY, Caller, account
from .conftest import PATHS, Space

WANTED = """
GET     /api/v1/namespaces/{own}/{secrets, secrets?watch=1&timeoutSeconds=1, secrets/{own}-gateway}
GET     /api/v1/namespaces/{own}/{serviceaccounts, endpoints, resourcequotas, pods/x/log, pods/x/portforward}
GET     /api/v1/namespaces/{own}/pods/x/exec?command=id&stdout=1
GET     /apis/rbac.authorization.k8s.io/v1/{namespaces/{own}/roles, namespaces/{own}/rolebindings}
GET     /apis/rbac.authorization.k8s.io/v1/{clusterroles, clusterrolebindings}
GET     /api/v1/{secrets, configmaps, pods, nodes, nodes/x/proxy/configz, namespaces, persistentvolumes}
GET     /api/v1/namespaces/kube-system/{secrets, configmaps, pods, services/https:x:443/proxy/}
GET     /apis/apps/v1/namespaces/{kube-system, {own}}/deployments
GET     /apis/batch/v1/{jobs, namespaces/kube-system/jobs}
GET     /apis/veriaidpo.verisyntra.vn/v1alpha1/{models, namespaces/kube-system/models}
GET     /apis/{apiextensions.k8s.io/v1/customresourcedefinitions, storage.k8s.io/v1/storageclasses}
GET     /apis/{certificates.k8s.io/v1/certificatesigningrequests, coordination.k8s.io/v1/leases}
GET     /apis/admissionregistration.k8s.io/v1/{validatingwebhookconfigurations, mutatingwebhookconfigurations}
GET     /{logs/, metrics, configz, debug/pprof/}
POST    /api/v1/namespaces/{{own}, kube-system}/pods
POST    /api/v1/namespaces/{own}/{secrets, services, serviceaccounts, serviceaccounts/default/token}
POST    /api/v1/namespaces/{own}/pods/x/{exec?command=id&stdout=1, eviction, binding, attach?stdout=1}
POST    /api/v1/namespaces/kube-system/{configmaps, serviceaccounts/default/token}
POST    /apis/apps/v1/namespaces/{own}/{deployments, daemonsets, statefulsets}
POST    /apis/{batch/v1/namespaces/kube-system/jobs, batch/v1/namespaces/{own}/cronjobs}
POST    /apis/rbac.authorization.k8s.io/v1/{namespaces/{own}/roles, namespaces/{own}/rolebindings}
POST    /apis/rbac.authorization.k8s.io/v1/{clusterroles, clusterrolebindings}
POST    /apis/veriaidpo.verisyntra.vn/v1alpha1/namespaces/{own}/models
POST    /{api/v1/namespaces, apis/networking.k8s.io/v1/namespaces/{own}/ingresses}
POST    /apis/{authentication.k8s.io/v1/tokenreviews, certificates.k8s.io/v1/certificatesigningrequests}
PATCH   /apis/rbac.authorization.k8s.io/v1/namespaces/{own}/roles/{{who}, {own}-gateway, {own}-operator}
PATCH   /apis/apps/v1/namespaces/{own}/deployments/{{own}-operator, {own}-gateway}
PATCH   /api/v1/namespaces/{own}/{secrets/{own}-gateway, pods/x/ephemeralcontainers, services/x}
PATCH   /api/v1/{namespaces/{own}, nodes/x, persistentvolumes/x}
PATCH   /apis/apiextensions.k8s.io/v1/customresourcedefinitions/inferenceservices.serving.kserve.io
PATCH   /apis/veriaidpo.verisyntra.vn/v1alpha1/namespaces/{own}/models/x
DELETE  /api/v1/namespaces/{own}/{pods/x, secrets/{own}-gateway, persistentvolumeclaims/x, events}
DELETE  /api/v1/namespaces/{{own}, kube-system}
DELETE  /apis/{apps/v1/namespaces/{own}/deployments/x, networking.k8s.io/v1/namespaces/{own}/networkpolicies}
DELETE  /apis/veriaidpo.verisyntra.vn/v1alpha1/namespaces/{own}/models/x
DELETE  /apis/apiextensions.k8s.io/v1/customresourcedefinitions/models.veriaidpo.verisyntra.vn
"""
"""What none of the accounts is for; of a list in braces each. Nobody's body is read who may not send one."""

OTHERS = ("system:admin", "system:serviceaccount:kube-system:default", "system:kube-controller-manager")
"""Whom somebody might ask as."""


def wanted(own: str, who: str) -> Iterator[tuple[str, str]]:
    """Give every request; nothing is changed by it where it is let in."""
    for line in filter(None, WANTED.split("\n")):
        method, path = line.replace("{own}", own).replace("{who}", who).split(maxsplit=1)
        before, opened, rest = path.partition("{")
        among, _, after = rest.partition("}")
        for one in among.split(", ") if opened else [""]:
            address = f"{before}{one}{after}"
            yield method, address if method == "GET" else f"{address}{'&' if '?' in address else '?'}{DRY}"


def tried(caller: Caller, space: Space, who: str) -> dict[str, bool]:
    """Ask for everything; give what of it was let in."""
    found = {
        f"{method} {path}": not caller.ask(method, path, None if method == "GET" else {}).forbidden
        for method, path in wanted(space.name, who)
    }
    return found | {
        f"as {other}": not caller.ask("GET", "/version", as_user=other).forbidden for other in OTHERS
    }


def test_k1_an_accounts_token_is_good_for_what_it_is_for(attack: Attack, space: Space) -> None:
    names = [one["metadata"]["name"] for one in space.objects if one["kind"] == "ServiceAccount"]
    with attack("K1@cluster", "tokens of the product's accounts, used for more than they are for") as row:
        for name in names:
            asked = tried(account(space.admin, space.name, name), space, name)
            row.tried += len(asked)
            row.got_through += sum(asked.values())
            assert not any(asked.values()), (name, [what for what, through in asked.items() if through])
        row.figure = f"{len(names)} accounts, {len(asked)} requests each"
        row.control = f"with the cluster's role admin in the namespace, {usual(space)} of them are let in"


def usual(space: Space) -> int:
    """Count what somebody may who was given the role that installers are often given."""
    name = "usual"
    space.admin.made(PATHS["ServiceAccount"].format(space.name), {"metadata": {"name": name}})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": space.name}
    given = {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]}
    space.admin.made(PATHS["RoleBinding"].format(space.name), given)
    return sum(tried(account(space.admin, space.name, name), space, name).values())
