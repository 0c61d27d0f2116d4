{{/*
Which versions there are of the Secrets of one's own that gateways read something of at their start alone, as one word: with
others an upgrade has gateways start anew. Empty where nothing is brought, or Helm cannot look into the cluster. It is not
made of what they hold: whoever may read pods could try passwords by it. Left out is what the chart made: hack/rotate changes
that and has gateways start anew itself, and the first installation does not find it yet.
*/}}
{{- define "veriaidpo.keysReadOnce" -}}
{{- $read := list .Values.gateway.existingSecret .Values.postgresql.existingSecret -}}
{{- if include "veriaidpo.records" . -}}
{{- $read = concat $read (list .Values.records.databaseSecret (.Values.records.existingSecret | default .Values.gateway.serviceKey.existingSecret)) -}}
{{- end -}}
{{- $found := dict -}}
{{- range compact $read -}}
{{- with lookup "v1" "Secret" $.Release.Namespace . -}}
{{- $_ := set $found .metadata.name .metadata.resourceVersion -}}
{{- end -}}
{{- end -}}
{{- with $found }}{{ toJson . | sha256sum }}{{ end -}}
{{- end -}}
