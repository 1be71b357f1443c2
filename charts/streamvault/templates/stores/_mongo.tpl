{{/* MongoDB's own image and entrypoint, which makes the user on the first start. */}}
{{- define "streamvault.mongoContainers" -}}
containers:
  - name: mongodb
    image: {{ include "streamvault.image" (list . "mongo") }}
    {{- include "streamvault.container" . | nindent 4 }}
    args: [mongod, --bind_ip_all, --wiredTigerCacheSizeGB, {{ .Values.mongodb.cacheSizeGB | quote }}]
    ports:
      - {name: mongodb, containerPort: 27017}
    env:
      - {name: MONGO_INITDB_ROOT_USERNAME, value: streamvault}
      - name: MONGO_INITDB_ROOT_PASSWORD
        valueFrom: {secretKeyRef: {name: streamvault-stores, key: MONGODB_PASSWORD}}
    # While the entrypoint makes the user, the server listens on loopback only, which these probes do not reach.
    startupProbe:
      tcpSocket: {port: mongodb}
      periodSeconds: 2
      failureThreshold: 150
    readinessProbe:
      tcpSocket: {port: mongodb}
      periodSeconds: 5
    livenessProbe:
      tcpSocket: {port: mongodb}
      periodSeconds: 20
      timeoutSeconds: 5
    resources: {{- include "streamvault.resources" .Values.mongodb.resources | nindent 6 }}
    volumeMounts:
      - {name: data, mountPath: /data/db, subPath: db}
      - {name: tmp, mountPath: /data/configdb, subPath: configdb}
      - {name: tmp, mountPath: /tmp, subPath: tmp}
volumes:
  - name: tmp
    emptyDir: {sizeLimit: 256Mi}
{{- end }}
