{{/* Names of the Secrets that parts read: the owner's own, else those that the chart makes. */}}
{{- define "streamvault.storesSecret" -}}
{{ .Values.stores.existingSecret | default "streamvault-stores" }}
{{- end }}
{{- define "streamvault.telegramSecret" -}}
{{ .Values.telegram.existingSecret | default "streamvault-telegram" }}
{{- end }}
{{- define "streamvault.managerSecret" -}}
{{ .Values.manager.existingSecret | default "streamvault-manager" }}
{{- end }}
{{- define "streamvault.linkKeysSecret" -}}
{{ .Values.edge.existingLinkKeysSecret | default "streamvault-link-keys" }}
{{- end }}
{{- define "streamvault.agentSecret" -}}
{{ .Values.edge.existingAgentSecret | default "streamvault-edge-agent" }}
{{- end }}

{{/*
Secrets that are made once: kept from the cluster when they are there, else drawn. All templates of one rendering must
see the same draw (checksums are made of it), so it is kept in .Values. Gives YAML: {Secret name: {key: text}}.
*/}}
{{- define "streamvault.generated" -}}
{{- if not (hasKey .Values "drawn") }}
{{- $kept := dict }}
{{- range $name := list "streamvault-stores" "streamvault-manager" "streamvault-link-keys" "streamvault-edge-agent" }}
{{- $data := dict }}
{{- range $key, $value := (lookup "v1" "Secret" $.Release.Namespace $name).data }}
{{- $_ := set $data $key (b64dec $value) }}
{{- end }}
{{- $_ := set $kept $name $data }}
{{- end }}
{{- $linkKey := randBytes 32 | replace "+" "-" | replace "/" "_" | trimSuffix "=" }}
{{- $drawn := dict
  "mongodbPassword" ((index $kept "streamvault-stores").MONGODB_PASSWORD | default (randAlphaNum 32))
  "redisPassword" ((index $kept "streamvault-stores").REDIS_PASSWORD | default (randAlphaNum 32))
  "adminApiToken" ((index $kept "streamvault-manager").ADMIN_API_TOKEN | default (randAlphaNum 40))
  "linkKeys" (.Values.edge.linkKeys | default (index $kept "streamvault-link-keys").LINK_KEYS | default (printf "k1:%s" $linkKey))
  "agentToken" ((index $kept "streamvault-edge-agent").EDGE_AGENT_TOKEN | default (randAlphaNum 40)) }}
{{- $_ := set .Values "drawn" $drawn }}
{{- end }}
{{- toYaml .Values.drawn }}
{{- end }}

{{- define "streamvault.mongodbURI" -}}
{{- $password := (include "streamvault.generated" . | fromYaml).mongodbPassword -}}
{{- if eq .Values.mongodb.mode "external" -}}
{{ .Values.mongodb.uri }}
{{- else if eq .Values.mongodb.mode "mongo" -}}
mongodb://streamvault:{{ $password }}@mongodb:27017/?authSource=admin
{{- else -}}
mongodb://streamvault:{{ $password }}@mongodb:27017/
{{- end }}
{{- end }}

{{- define "streamvault.redisURL" -}}
{{- if eq .Values.redis.mode "external" -}}
{{ .Values.redis.url }}
{{- else -}}
redis://:{{ (include "streamvault.generated" . | fromYaml).redisPassword }}@redis:6379/0
{{- end }}
{{- end }}

{{/* Data centres: those of the values, or the sandbox's. */}}
{{- define "streamvault.dcMap" -}}
{{- if .Values.sandbox.enabled -}}
1=telegram-sandbox:4431,2=telegram-sandbox:4432,3=telegram-sandbox:4433,4=telegram-sandbox:4434,5=telegram-sandbox:4435
{{- else -}}
{{ .Values.telegram.dcMap }}
{{- end }}
{{- end }}

{{/* Written as a number or as text; a large number must not become 1.2e+07. */}}
{{- define "streamvault.apiId" -}}
{{ kindIs "string" .Values.telegram.apiId | ternary .Values.telegram.apiId (.Values.telegram.apiId | int64 | toString) }}
{{- end }}

{{/* Hash over what a worker pod reads at its start. */}}
{{- define "streamvault.telegramChecksum" -}}
{{ list (include "streamvault.dcMap" .) .Values.telegram.rsaPublicKey (include "streamvault.apiId" .) .Values.telegram.apiHash .Values.telegram.existingSecret (include "streamvault.mongodbURI" .) (include "streamvault.redisURL" .) .Values.stores.existingSecret | join "\n" | sha256sum }}
{{- end }}

{{/* Hash over the edge's keys. */}}
{{- define "streamvault.edgeChecksum" -}}
{{- $drawn := include "streamvault.generated" . | fromYaml -}}
{{ list $drawn.linkKeys $drawn.agentToken .Values.edge.existingLinkKeysSecret .Values.edge.existingAgentSecret | join "\n" | sha256sum }}
{{- end }}
