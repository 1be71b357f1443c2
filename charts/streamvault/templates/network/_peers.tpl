{{/* Peers by component, as rule entries: (list root "manager" "worker" ...). */}}
{{- define "streamvault.peers" -}}
{{- $root := first . }}
{{- range $component := rest . }}
- podSelector:
    matchLabels: {{- include "streamvault.selector" (list $root $component) | nindent 6 }}
{{- end }}
{{- end }}

{{/* Way out to the stores, inside the cluster or outside. */}}
{{- define "streamvault.toStores" -}}
- to: {{- include "streamvault.peers" (list . "mongodb" "redis") | nindent 4 }}
  ports: [{port: 27017}, {port: 6379}]
{{- with .Values.networkPolicy.externalStores }}
{{- if .cidrs }}
- to:
    {{- range .cidrs }}
    - ipBlock: {cidr: {{ . | quote }}}
    {{- end }}
  ports:
    {{- range .ports }}
    - port: {{ . }}
    {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Way out to Telegram: the internet without private addresses, or the sandbox. */}}
{{- define "streamvault.toTelegram" -}}
{{- if .Values.sandbox.enabled -}}
- to: {{- include "streamvault.peers" (list . "telegram-sandbox") | nindent 4 }}
  ports: [{port: 4431, endPort: 4435}]
{{- else -}}
- to:
    - ipBlock: {cidr: 0.0.0.0/0, except: {{ toJson .Values.networkPolicy.privateCidrs }}}
  ports: [{port: 443}, {port: 80}, {port: 5222}]
{{- end }}
{{- end }}

{{/* Way in for the collector of metrics: (list root port). */}}
{{- define "streamvault.fromMetrics" -}}
{{- with (index . 0).Values.networkPolicy.metricsNamespace }}
- from:
    - namespaceSelector:
        matchLabels: {kubernetes.io/metadata.name: {{ . }}}
  ports: [{port: {{ index $ 1 }}}]
{{- end }}
{{- end }}
