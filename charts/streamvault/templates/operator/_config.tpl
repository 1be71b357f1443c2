{{/* config.yaml of the operator: what it renders worker pods and the edge from. Every key is always there. */}}
{{- define "streamvault.operatorConfig" -}}
instance: {{ .Release.Name }}
ownerDeployment: streamvault-operator
imagePullSecrets: {{ toJson .Values.imagePullSecrets }}
stores:
  secret: {{ include "streamvault.storesSecret" . }}
  mongodbDatabase: {{ .Values.mongodb.database | quote }}
telegram:
  configMap: streamvault-telegram
  secret: {{ include "streamvault.telegramSecret" . }}
  checksum: {{ include "streamvault.telegramChecksum" . }}
takedown: {status: {{ .Values.takedown.status }}, blockedBy: {{ .Values.takedown.blockedBy | quote }}}
workers:
  image: {{ include "streamvault.image" (list . "worker") }}
  imagePullPolicy: {{ .Values.imagePullPolicy }}
  env: {{- include "streamvault.strings" (merge (dict) .Values.workers.env (dict "LOG_LEVEL" .Values.logLevel)) | nindent 4 }}
  resources: {{- include "streamvault.resources" .Values.workers.resources | nindent 4 }}
  terminationGraceSeconds: {{ .Values.workers.terminationGraceSeconds }}
  streaming: {{ toJson .Values.workers.streaming }}
  pools: {{ toJson .Values.workers.pools }}
{{- with .Values.edge }}
edge:
  image: {{ include "streamvault.image" (list $ "edge") }}
  agentImage: {{ include "streamvault.image" (list $ "edge-agent") }}
  imagePullPolicy: {{ $.Values.imagePullPolicy }}
  replicas: {{ .replicas }}
  service: {type: {{ .service.type }}, nodePort: {{ if and .service.nodePort (ne .service.type "ClusterIP") }}{{ int .service.nodePort }}{{ else }}null{{ end }}}
  cache: {{- toYaml .cache | nindent 4 }}
  tiers: {{- toYaml .tiers | nindent 4 }}
  linkKeysSecret: {{ include "streamvault.linkKeysSecret" $ }}
  agentTokenSecret: {{ include "streamvault.agentSecret" $ }}
  secretsChecksum: {{ include "streamvault.edgeChecksum" $ }}
  env: {{- include "streamvault.strings" .env | nindent 4 }}
  resources: {{- include "streamvault.resources" .resources | nindent 4 }}
  agentResources: {{- include "streamvault.resources" .agentResources | nindent 4 }}
  nodeSelector: {{ toJson .nodeSelector }}
  tolerations: {{ toJson .tolerations }}
{{- end }}
{{- end }}
