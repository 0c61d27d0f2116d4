{{/* What a gateway is told; its settings.py reads it. */}}
{{- define "veriaidpo.gatewayEnv" -}}
{{- $redis := or .Values.redis.enabled .Values.redis.existingSecret }}
{{- $database := or .Values.postgresql.enabled .Values.postgresql.existingSecret }}
{{- $records := include "veriaidpo.records" . }}
- {name: KUBERNETES_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
- {name: JWT_SECRET_KEY_FILE, value: /etc/veriaidpo/keys/jwt-secret-key}
- {name: CACHE_KEY_FILE, value: /etc/veriaidpo/keys/cache-key}
- {name: SERVICE_KEY_FILE, value: /etc/veriaidpo/service-key/tls.key}
{{- if $redis }}
- {name: REDIS_URL_FILE, value: /etc/veriaidpo/redis/redis-url}
{{- end }}
{{- if .Values.redis.caConfigMap }}
- {name: REDIS_CA_FILE, value: /etc/veriaidpo/redis-ca/ca.crt}
{{- end }}
{{- if $database }}
- {name: DATABASE_URL_FILE, value: /etc/veriaidpo/database/database-url}
{{- end }}
{{- if $records }}
- {name: RECORDS, value: "true"}
{{- if .Values.records.databaseSecret }}
- {name: RECORDS_DATABASE_URL_FILE, value: /etc/veriaidpo/record-database/database-url}
{{- end }}
{{- if .Values.records.existingSecret }}
- {name: RECORDS_KEY_FILE, value: /etc/veriaidpo/records/hash-key}
- {name: RECORDS_SIGNING_KEY_FILE, value: /etc/veriaidpo/records/tls.key}
{{- end }}
- {name: RECORDS_RETENTION_DAYS, value: {{ int64 .Values.records.retentionDays | quote }}}
- {name: RECORDS_WHEN_FULL, value: {{ .Values.records.whenFull }}}
- {name: RECORDS_SPOOL_DIR, value: /var/spool/veriaidpo}
- {name: RECORDS_SPOOL_MB, value: {{ int64 .Values.records.spoolMegabytes | quote }}}
{{- end }}
- {name: JWT_ALGORITHM, value: {{ join "," .Values.gateway.jwt.algorithms | quote }}}
{{- with .Values.gateway.jwt.jwksUrl }}
- {name: JWKS_URL, value: {{ . | quote }}}
- {name: JWKS_ALLOW_HTTP, value: {{ $.Values.gateway.jwt.jwksAllowHttp | quote }}}
{{- end }}
{{- if .Values.gateway.jwt.jwksConfigMap }}
- {name: JWKS_FILE, value: /etc/veriaidpo/jwks/jwks.json}
{{- end }}
{{- with .Values.gateway.jwt.issuer }}
- {name: JWT_ISSUER, value: {{ . | quote }}}
{{- end }}
{{- with .Values.gateway.jwt.audience }}
- {name: JWT_AUDIENCE, value: {{ . | quote }}}
{{- end }}
{{- with .Values.gateway.limits }}
- {name: RATE_LIMIT_PER_SECOND, value: {{ int64 .userRequests | quote }}}
- {name: TENANT_RATE_LIMIT_PER_SECOND, value: {{ int64 .tenantRequests | quote }}}
- {name: CHARACTER_LIMIT_PER_SECOND, value: {{ int64 .userCharacters | quote }}}
- {name: TENANT_CHARACTER_LIMIT_PER_SECOND, value: {{ int64 .tenantCharacters | quote }}}
{{- end }}
- {name: PLANS_FILE, value: /etc/veriaidpo/plans/plans.json}
# One more than the replicas: a rolling update starts a new pod before it ends an old one.
- {name: MAX_REPLICAS, value: {{ include "veriaidpo.mostGateways" . | int | add1 | quote }}}
- {name: CACHE_TTL_SECONDS, value: {{ .Values.gateway.cacheTtlSeconds | quote }}}
- {name: NORMALIZER_MODEL_FOR_CLASSIFY, value: {{ .Values.gateway.normaliserModelForClassify | quote }}}
{{- with .Values.tracing }}
{{- if .endpoint }}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ .endpoint | quote }}}
- {name: OTEL_TRACES_SAMPLER_ARG, value: {{ .samplingRatio | quote }}}
- {name: TRACE_TRUSTED_CIDRS, value: {{ join "," .trustedCidrs | quote }}}
{{- end }}
{{- end }}
- {name: LOG_LEVEL, value: {{ .Values.gateway.logLevel }}}
{{- end -}}

{{/* What gateway.extraEnv may not say: all of the above, whatever else is set, what may be given in place of a file, and ports that probes go to. */}}
{{- define "veriaidpo.gatewayEnvNames" -}}
CACHE_KEY CACHE_KEY_FILE CACHE_TTL_SECONDS CHARACTER_LIMIT_PER_SECOND DATABASE_URL DATABASE_URL_FILE HOST INNER_PORT
JWKS_ALLOW_HTTP JWKS_FILE JWKS_URL JWT_ALGORITHM JWT_AUDIENCE JWT_ISSUER JWT_SECRET_KEY JWT_SECRET_KEY_FILE
KUBERNETES_NAMESPACE LOG_LEVEL MAX_REPLICAS NORMALIZER_MODEL_FOR_CLASSIFY OTEL_EXPORTER_OTLP_ENDPOINT
OTEL_TRACES_SAMPLER_ARG PLANS_FILE PORT RATE_LIMIT_PER_SECOND RECORDS RECORDS_DATABASE_URL RECORDS_DATABASE_URL_FILE
RECORDS_KEY RECORDS_KEY_FILE RECORDS_RETENTION_DAYS RECORDS_SIGNING_KEY RECORDS_SIGNING_KEY_FILE RECORDS_SPOOL_DIR
RECORDS_SPOOL_MB RECORDS_WHEN_FULL REDIS_CA REDIS_CA_FILE REDIS_URL REDIS_URL_FILE ROUTES_FILE SERVICE_KEY
SERVICE_KEY_FILE TENANT_CHARACTER_LIMIT_PER_SECOND TENANT_RATE_LIMIT_PER_SECOND TRACE_TRUSTED_CIDRS
{{- end -}}
