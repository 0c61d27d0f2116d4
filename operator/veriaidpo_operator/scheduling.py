"""Where the pods of Models may run. Whoever installs says it, for all of them; a Model has no say."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

WhenUnsatisfiable = Literal["ScheduleAnyway", "DoNotSchedule"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)


class Spread(_Part):
    """What happens to a predictor whose node or zone would have two more of its Model than another."""

    nodes: WhenUnsatisfiable = "ScheduleAnyway"
    zones: WhenUnsatisfiable = "ScheduleAnyway"

    def by_key(self) -> Mapping[str, WhenUnsatisfiable]:
        """Give the same by the label of nodes that is gone by."""
        return {"kubernetes.io/hostname": self.nodes, "topology.kubernetes.io/zone": self.zones}


class Scheduling(_Part):
    """Parts of a pod's spec as Kubernetes has them; fetches have all but the last two, predictors all."""

    node_selector: dict[str, str] = Field(default_factory=dict)
    tolerations: tuple[dict[str, Any], ...] = ()
    affinity: dict[str, Any] = Field(default_factory=dict)
    priority_class_name: str = ""
    spread: Spread = Spread()
