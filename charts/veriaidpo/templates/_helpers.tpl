{{/* The release's own name: "veriaidpo" for a release of that name, else "<release>-veriaidpo"; room is left for suffixes. */}}
{{- define "veriaidpo.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 45 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 45 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels of every object: (dict "root" $ "component" "gateway") */}}
{{- define "veriaidpo.labels" -}}
{{ include "veriaidpo.selectorLabels" . }}
app.kubernetes.io/part-of: veriaidpo
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "veriaidpo.selectorLabels" -}}
app.kubernetes.io/name: veriaidpo
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* An image reference: (dict "root" $ "image" .Values.gateway.image). A digest wins over a tag. */}}
{{- define "veriaidpo.image" -}}
{{- $repository := .image.repository -}}
{{- with .root.Values.image.registry }}{{ $repository = printf "%s/%s" . $repository }}{{ end -}}
{{- $tag := .image.tag | default .root.Values.image.tag | default .root.Chart.AppVersion -}}
{{ include "veriaidpo.imageReference" (dict "repository" $repository "digest" .image.digest "tag" $tag) }}
{{- end -}}

{{/* An image as it is named to the kubelet; the argument is of the form of .Values.redis.image. */}}
{{- define "veriaidpo.imageReference" -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag }}{{ end }}
{{- end -}}

{{/* What Pod Security "restricted" asks of a pod and of a container. */}}
{{- define "veriaidpo.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "veriaidpo.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* A container's environment: the chart's `own`, and `more` of the user's, a value named `at`, with none of the names `taken`. */}}
{{- define "veriaidpo.env" -}}
{{- $taken := regexSplit "\\s+" .taken -1 -}}
{{- range .more -}}
{{- if has .name $taken }}
{{- fail (printf "%s has %s, which the chart sets itself, or which is there twice: set it once, by its value in the chart where there is one." $.at .name) }}
{{- end -}}
{{- $taken = append $taken .name -}}
{{- end -}}
{{ trim .own }}
{{- with .more }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* On which nodes pods run; the argument is of the form of .Values.gateway. */}}
{{- define "veriaidpo.scheduling" -}}
{{- with .nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The same for a pod that comes and goes beside those: it has their nodes, and need not keep away from them. */}}
{{- define "veriaidpo.schedulingOfOne" -}}
{{- include "veriaidpo.scheduling" (dict "nodeSelector" .nodeSelector "tolerations" .tolerations "affinity" (pick (.affinity | default dict) "nodeAffinity")) -}}
{{- end -}}

{{- define "veriaidpo.imagePullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The Secret that holds the gateway's keys, and the one with its Redis URL: the user's, or the chart's own. */}}
{{- define "veriaidpo.gatewaySecret" -}}
{{ .Values.gateway.existingSecret | default (printf "%s-gateway" (include "veriaidpo.fullname" .)) }}
{{- end -}}

{{- define "veriaidpo.redisSecret" -}}
{{ .Values.redis.existingSecret | default (printf "%s-redis" (include "veriaidpo.fullname" .)) }}
{{- end -}}

{{/* Shorter than the other names: the label of a StatefulSet's revision has 11 characters more. */}}
{{- define "veriaidpo.postgresqlName" -}}
{{ include "veriaidpo.fullname" . | trunc 41 | trimSuffix "-" }}-postgresql
{{- end -}}

{{/* How many the PostgreSQL of the chart takes at a time; each is some of its memory. */}}
{{- define "veriaidpo.databaseConnections" -}}50{{- end -}}

{{- define "veriaidpo.databaseSecret" -}}
{{ .Values.postgresql.existingSecret | default (include "veriaidpo.postgresqlName" .) }}
{{- end -}}

{{/* Whether answers are recorded: somewhere there must be a database. Empty where not. */}}
{{- define "veriaidpo.records" -}}
{{- if and .Values.records.enabled (or .Values.postgresql.enabled .Values.postgresql.existingSecret .Values.records.databaseSecret) }}true{{ end -}}
{{- end -}}

{{/* Of a Secret whose keys records are hashed and signed with: they outlive the release, and prove nothing without it. */}}
{{- define "veriaidpo.keptForRecords" -}}
{{- if and (include "veriaidpo.records" .) (not .Values.records.existingSecret) }}
annotations: {helm.sh/resource-policy: keep}
{{- end -}}
{{- end -}}

{{/* The claim that all models of the catalogue are on; empty where each has one of its own. */}}
{{- define "veriaidpo.modelsClaim" -}}
{{- with .Values.models.storage.claimName -}}
{{ . }}
{{- else -}}
{{- if eq .Values.models.serving.placement "shared" }}{{ include "veriaidpo.fullname" . }}-models{{ end -}}
{{- end -}}
{{- end -}}

{{/* Where the fetch Jobs look for hf:// sources; empty means the public hub. */}}
{{- define "veriaidpo.hubEndpoint" -}}
{{- if .Values.demoHub.enabled -}}
http://{{ include "veriaidpo.fullname" . }}-hub.{{ .Release.Namespace }}.svc:8090
{{- else -}}
{{ .Values.hub.endpoint }}
{{- end -}}
{{- end -}}

{{/* Annotations of the pre-upgrade hook's objects; the argument is the weight. */}}
{{- define "veriaidpo.crdHook" -}}
helm.sh/hook: pre-upgrade
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}

{{/*
An expression that is true while a budget burns: (dict "of" "failing" "job" "job=\"…\"" "budget" 0.001 "windows" pairs).
A pair is (long, short, rate): so many times faster than the budget allows, over the long window and still in the short one.
*/}}
{{- define "veriaidpo.burning" -}}
{{- $burning := . -}}
{{- range $index, $window := .windows }}
{{- $most := printf "%.6g" (mulf (index $window 2) $burning.budget) }}
{{- if $index }}
or
{{ end -}}
(
  veriaidpo:{{ $burning.of }}:ratio_rate{{ index $window 0 }}{ {{- $burning.job }}} > {{ $most }}
  and veriaidpo:{{ $burning.of }}:ratio_rate{{ index $window 1 }}{ {{- $burning.job }}} > {{ $most }}
)
{{- end }}
{{- end -}}

{{/* One edge of a NetworkPolicy: (dict "peer" peer "port" 8080), and (dict "peers" list "port" 8080). */}}
{{- define "veriaidpo.to" -}}
{{ dict "to" (list .peer) "ports" (list (dict "protocol" "TCP" "port" .port)) | toYaml }}
{{- end -}}

{{- define "veriaidpo.from" -}}
{{ dict "from" .peers "ports" (list (dict "protocol" "TCP" "port" .port)) | toYaml }}
{{- end -}}

{{/* The models of the catalogue that are wanted, as a list in YAML. */}}
{{- define "veriaidpo.catalogue" -}}
{{- $languages := .Values.models.languages -}}
{{- if .Values.demoHub.enabled }}{{ $languages = list "vi" "en" }}{{ end -}}
{{- $wanted := list -}}
{{- range (.Files.Get "files/catalogue.yaml" | fromYaml).models -}}
{{- if and (has .language $languages) (not (has .name $.Values.models.disabled)) }}{{ $wanted = append $wanted . }}{{ end -}}
{{- end -}}
{{ toYaml $wanted }}
{{- end -}}

{{/* Where a model of the catalogue comes from, as YAML: (dict "root" $ "entry" entry). */}}
{{- define "veriaidpo.modelSource" -}}
{{- $source := .entry.source -}}
{{- if .root.Values.demoHub.enabled }}{{ $source = dict "uri" (printf "hf://%s" .entry.demo.repo) "revision" "main" }}{{ end -}}
{{ mergeOverwrite (deepCopy $source) (dig .entry.name "source" dict .root.Values.models.overrides) | toYaml }}
{{- end -}}

{{/* How a model of the catalogue is served, without its golden sentences, as YAML: (dict "root" $ "name" name). */}}
{{- define "veriaidpo.modelServing" -}}
{{- $common := pick .root.Values.models.serving "placement" "minReplicas" "maxReplicas" "autoscaler" "resources" -}}
{{ mergeOverwrite (deepCopy $common) (dig .name "serving" dict .root.Values.models.overrides) | toYaml }}
{{- end -}}

{{/* The Secret with the certificate of the ingress' host: the user's, or the one cert-manager makes; empty: no TLS. */}}
{{- define "veriaidpo.tlsSecret" -}}
{{- if .Values.ingress.tlsSecret -}}
{{ .Values.ingress.tlsSecret }}
{{- else if or .Values.ingress.certManager.clusterIssuer .Values.ingress.certManager.issuer -}}
{{ include "veriaidpo.fullname" . }}-tls
{{- end -}}
{{- end -}}

{{/* The most gateways there may be at a time, and the ConfigMap by which predictors know them. */}}
{{- define "veriaidpo.mostGateways" -}}
{{ ternary .Values.gateway.autoscaling.maxReplicas .Values.gateway.replicas .Values.gateway.autoscaling.enabled }}
{{- end -}}

{{- define "veriaidpo.serviceKeySecret" -}}
{{ .Values.gateway.serviceKey.existingSecret | default (printf "%s-service-key" (include "veriaidpo.fullname" .)) }}
{{- end -}}

{{- define "veriaidpo.serviceTrust" -}}
{{ .Values.gateway.serviceKey.trustConfigMap | default (printf "%s-service-trust" (include "veriaidpo.fullname" .)) }}
{{- end -}}
