{{/*
What gateways read of Secrets of one's own at their start and follow no further, as one word: with another one in them an
upgrade has gateways start anew. Empty where nothing is brought, or Helm cannot look into the cluster. Left out is what the
chart made: hack/rotate changes that and has gateways start anew itself, and the first installation does not find it yet.
*/}}
{{- define "veriaidpo.keysReadOnce" -}}
{{- $read := list (list .Values.gateway.existingSecret "cache-key") (list .Values.postgresql.existingSecret "database-url") -}}
{{- if include "veriaidpo.records" . -}}
{{- $read = append $read (list .Values.records.databaseSecret "database-url") -}}
{{- $read = append $read (list .Values.records.existingSecret "hash-key") -}}
{{- $read = append $read (list (.Values.records.existingSecret | default .Values.gateway.serviceKey.existingSecret) "tls.key") -}}
{{- end -}}
{{- $found := dict -}}
{{- range $read -}}
{{- $name := index . 0 -}}
{{- $key := index . 1 -}}
{{- with $name -}}
{{- with get ((lookup "v1" "Secret" $.Release.Namespace $name).data | default dict) $key -}}
{{- $_ := set $found (printf "%s/%s" $name $key) . -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- /* Passwords are among it: the word is slow to work out (scrypt), so that whoever may read pods tries none. */ -}}
{{- with $found }}{{ derivePassword 1 "maximum" (toJson .) "gateway" $.Release.Name | sha256sum }}{{ end -}}
{{- end -}}
