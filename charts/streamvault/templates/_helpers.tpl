{{/* Labels of a part: (list root "component"). */}}
{{- define "streamvault.labels" -}}
{{ include "streamvault.selector" . }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version }}
{{- end }}

{{/* Labels that select a part's pods: (list root "component"). Never changed: selectors are immutable. */}}
{{- define "streamvault.selector" -}}
app.kubernetes.io/name: streamvault
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* Image of a part: (list root "part"). */}}
{{- define "streamvault.image" -}}
{{- $root := index . 0 }}{{ $part := index . 1 -}}
{{ index $root.Values.images $part | default (printf "localhost/streamvault/%s:%s" $part $root.Chart.AppVersion) }}
{{- end }}

{{/* Pod level fields that every pod of the chart shares: (list root values-of-the-part). */}}
{{- define "streamvault.pod" -}}
{{- $root := index . 0 }}{{ $part := index . 1 -}}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What PodSecurity `restricted` asks of a container, and a read-only root. */}}
{{- define "streamvault.container" -}}
imagePullPolicy: {{ .Values.imagePullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* Probes of a part that serves /healthz and /readyz on its port `http`. */}}
{{- define "streamvault.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 60
readinessProbe:
  httpGet: {path: /readyz, port: http}
  periodSeconds: 5
  timeoutSeconds: 3
livenessProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 20
  timeoutSeconds: 5
{{- end }}

{{/* Annotations for a metrics collector: (list root port). */}}
{{- define "streamvault.metrics" -}}
{{- if (index . 0).Values.metrics.annotations -}}
prometheus.io/scrape: "true"
prometheus.io/port: {{ index . 1 | quote }}
prometheus.io/path: /metrics
{{- end }}
{{- end }}

{{/* Environment from a map of the values. */}}
{{- define "streamvault.env" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end }}

{{/* A map whose values are all strings, as YAML: quantities and settings that a person wrote as numbers. */}}
{{- define "streamvault.strings" -}}
{{- $texts := dict }}
{{- range $name, $value := . }}{{ $_ := set $texts $name (toString $value) }}{{ end -}}
{{ toYaml $texts }}
{{- end }}

{{/* requests and limits with string quantities. */}}
{{- define "streamvault.resources" -}}
requests:
  {{- include "streamvault.strings" .requests | nindent 2 }}
limits:
  {{- include "streamvault.strings" .limits | nindent 2 }}
{{- end }}

{{/* Environment of a part that uses the stores. */}}
{{- define "streamvault.storesEnv" -}}
- name: MONGODB_DATABASE
  value: {{ .Values.mongodb.database | quote }}
- name: MONGODB_URI
  valueFrom: {secretKeyRef: {name: {{ include "streamvault.storesSecret" . }}, key: MONGODB_URI}}
- name: REDIS_URL
  valueFrom: {secretKeyRef: {name: {{ include "streamvault.storesSecret" . }}, key: REDIS_URL}}
{{- end }}

{{/* A volume claim template: (dict "name" "data" "storage" values). */}}
{{- define "streamvault.claim" -}}
- metadata:
    name: {{ .name }}
  spec:
    accessModes: [ReadWriteOnce]
    {{- with .storage.storageClassName }}
    storageClassName: {{ . }}
    {{- end }}
    resources:
      requests: {storage: {{ .storage.size }}}
{{- end }}

{{/* Whole numbers, comma separated; large ones never as 5e+09. */}}
{{- define "streamvault.integers" -}}
{{- $texts := list }}
{{- range . }}{{ $texts = append $texts (. | int64 | toString) }}{{ end -}}
{{ join "," $texts }}
{{- end }}
