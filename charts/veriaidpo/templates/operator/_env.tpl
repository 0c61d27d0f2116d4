{{/* What the operator is told; its settings.py reads it. */}}
{{- define "veriaidpo.operatorEnv" -}}
- {name: NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
- {name: FETCH_IMAGE, value: {{ include "veriaidpo.image" (dict "root" . "image" .Values.operator.fetchImage) }}}
- {name: PREDICTOR_IMAGE, value: {{ include "veriaidpo.image" (dict "root" . "image" .Values.operator.predictorImage) }}}
- {name: TORCH_PREDICTOR_IMAGE, value: {{ include "veriaidpo.image" (dict "root" . "image" .Values.operator.torchPredictorImage) }}}
- {name: IMAGE_PULL_POLICY, value: {{ .Values.image.pullPolicy }}}
- {name: SHARED_RESOURCES, value: {{ toJson .Values.operator.sharedPredictor.resources | quote }}}
- {name: SCHEDULING, value: {{ toJson .Values.models.scheduling | quote }}}
- {name: SERVICE_TRUST_CONFIGMAP, value: {{ include "veriaidpo.serviceTrust" . }}}
{{- with include "veriaidpo.hubEndpoint" . }}
- {name: HF_ENDPOINT, value: {{ . | quote }}}
{{- end }}
{{- with .Values.sources }}
- {name: SOURCE_SCHEMES, value: {{ join "," .schemes | quote }}}
- {name: SOURCE_HOSTS, value: {{ join "," .hosts | quote }}}
- {name: SOURCE_HOSTS_INSIDE, value: {{ join "," .hostsInside | quote }}}
{{- with .httpsProxy }}
- {name: SOURCE_HTTPS_PROXY, value: {{ . | quote }}}
{{- end }}
{{- with .noProxy }}
- {name: SOURCE_NO_PROXY, value: {{ . | quote }}}
{{- end }}
{{- with .caConfigMap }}
- {name: SOURCE_CA_CONFIGMAP, value: {{ . | quote }}}
{{- end }}
{{- end }}
{{- with .Values.hub.tokenSecret }}
{{- if .name }}
- {name: HUB_TOKEN_SECRET, value: {{ .name | quote }}}
- {name: HUB_TOKEN_KEY, value: {{ .key | quote }}}
{{- end }}
{{- end }}
{{- with .Values.image.pullSecrets }}
{{- $names := list }}
{{- range . }}{{ $names = append $names .name }}{{ end }}
- {name: IMAGE_PULL_SECRETS, value: {{ join "," $names | quote }}}
{{- end }}
{{- with .Values.tracing }}
{{- if .endpoint }}
- {name: TRACES_ENDPOINT, value: {{ .endpoint | quote }}}
- {name: TRACES_RATIO, value: {{ .samplingRatio | quote }}}
{{- end }}
{{- end }}
- {name: MAX_DOWNLOADS, value: {{ .Values.operator.maxDownloads | quote }}}
- {name: FETCH_RETRY_SECONDS, value: {{ .Values.operator.fetchRetrySeconds | quote }}}
- {name: MESSAGE_LANGUAGE, value: {{ .Values.operator.language }}}
- {name: LOG_LEVEL, value: {{ .Values.operator.logLevel }}}
{{- end -}}

{{/* What operator.extraEnv may not say: all of the above, whatever else is set, what may be given in place of a file, and ports that probes go to. */}}
{{- define "veriaidpo.operatorEnvNames" -}}
FETCH_IMAGE FETCH_RETRY_SECONDS HF_ENDPOINT HUB_TOKEN_KEY HUB_TOKEN_SECRET IMAGE_PULL_POLICY IMAGE_PULL_SECRETS
LIVENESS_PORT LOG_LEVEL MAX_DOWNLOADS MESSAGE_LANGUAGE METRICS_PORT NAMESPACE PREDICTOR_IMAGE SCHEDULING
SERVICE_TRUST_CONFIGMAP SHARED_RESOURCES SOURCE_CA_CONFIGMAP SOURCE_HOSTS SOURCE_HOSTS_INSIDE SOURCE_HTTPS_PROXY
SOURCE_NO_PROXY SOURCE_SCHEMES TORCH_PREDICTOR_IMAGE TRACES_ENDPOINT TRACES_RATIO
{{- end -}}
