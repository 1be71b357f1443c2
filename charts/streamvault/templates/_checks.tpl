{{/* Settings that contradict each other; a schema cannot say these in words that help. */}}
{{- define "streamvault.checks" -}}
{{- if .Values.sandbox.enabled }}
{{- if not (and .Values.sandbox.rsaPrivateKey .Values.telegram.rsaPublicKey) }}
{{- fail "sandbox.enabled needs a key pair: --set-file sandbox.rsaPrivateKey=KEY.pem --set-file telegram.rsaPublicKey=KEY.pub.pem" }}
{{- end }}
{{- if .Values.telegram.dcMap }}
{{- fail "telegram.dcMap: leave it empty with sandbox.enabled, the sandbox's own addresses are used" }}
{{- end }}
{{- else }}
{{- if ne (empty .Values.telegram.dcMap) (empty .Values.telegram.rsaPublicKey) }}
{{- fail "telegram: set dcMap and rsaPublicKey together, or neither to use Telegram's own servers" }}
{{- end }}
{{- end }}
{{- if not (or .Values.telegram.existingSecret (and .Values.telegram.apiId .Values.telegram.apiHash)) }}
{{- fail "telegram: set apiId and apiHash (from my.telegram.org), or existingSecret with TG_API_ID and TG_API_HASH" }}
{{- end }}
{{- if not (or .Values.manager.existingSecret .Values.manager.botToken) }}
{{- fail "manager: set botToken (from @BotFather), or existingSecret with TG_BOT_TOKEN and ADMIN_API_TOKEN" }}
{{- end }}
{{- if .Values.stores.existingSecret }}
{{- if not (and (eq .Values.mongodb.mode "external") (eq .Values.redis.mode "external")) }}
{{- fail "stores.existingSecret: set mongodb.mode and redis.mode to external as well" }}
{{- end }}
{{- else }}
{{- if and (eq .Values.mongodb.mode "external") (not .Values.mongodb.uri) }}
{{- fail "mongodb.mode external: set mongodb.uri, or stores.existingSecret" }}
{{- end }}
{{- if and (eq .Values.redis.mode "external") (not .Values.redis.url) }}
{{- fail "redis.mode external: set redis.url, or stores.existingSecret" }}
{{- end }}
{{- end }}
{{- range $name, $pool := .Values.workers.pools }}
{{- if gt (int (get $pool "minActive" | default 0)) (int (get $pool "maxActive" | default 64)) }}
{{- fail (printf "workers.pools.%s: minActive %v is more than maxActive %v" $name $pool.minActive (get $pool "maxActive" | default 64)) }}
{{- end }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) }}
{{- fail "ingress.enabled: set ingress.host" }}
{{- end }}
{{- end }}
