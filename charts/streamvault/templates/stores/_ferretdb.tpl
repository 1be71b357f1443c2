{{/* FerretDB in front of PostgreSQL with the documentdb extension, which only listens inside the pod. */}}
{{- define "streamvault.ferretdbContainers" -}}
containers:
  - name: ferretdb
    image: {{ include "streamvault.image" (list . "ferretdb") }}
    {{- include "streamvault.container" . | nindent 4 }}
    ports:
      - {name: mongodb, containerPort: 27017}
      - {name: debug, containerPort: 8088}
    env:
      - name: POSTGRES_PASSWORD
        valueFrom: {secretKeyRef: {name: streamvault-stores, key: MONGODB_PASSWORD}}
      - {name: FERRETDB_POSTGRESQL_URL, value: "postgres://streamvault:$(POSTGRES_PASSWORD)@127.0.0.1:5432/postgres"}
      - {name: FERRETDB_LISTEN_ADDR, value: ":27017"}
      - {name: FERRETDB_DEBUG_ADDR, value: ":8088"}
      - {name: FERRETDB_STATE_DIR, value: /state}
      - {name: FERRETDB_TELEMETRY, value: disable}
      - {name: FERRETDB_LOG_LEVEL, value: warn}
    startupProbe:
      httpGet: {path: /debug/readyz, port: debug}
      periodSeconds: 2
      timeoutSeconds: 3
      failureThreshold: 150
    readinessProbe:
      httpGet: {path: /debug/readyz, port: debug}
      periodSeconds: 10
      timeoutSeconds: 5
    livenessProbe:
      httpGet: {path: /debug/livez, port: debug}
      periodSeconds: 20
      timeoutSeconds: 5
    resources: {{- include "streamvault.resources" .Values.mongodb.gatewayResources | nindent 6 }}
    volumeMounts:
      - {name: state, mountPath: /state}
      - {name: tmp, mountPath: /tmp, subPath: ferretdb}
  - name: postgres
    image: {{ include "streamvault.image" (list . "postgres-documentdb") }}
    {{- include "streamvault.container" . | nindent 4 }}
    args:
      - -clisten_addresses=127.0.0.1
      - -cshared_buffers={{ .Values.mongodb.sharedBuffers }}
      # Index jobs run every two seconds: their log and their table of past runs would grow for ever.
      - -ccron.log_statement=off
      - -ccron.log_run=off
    env:
      - {name: PGDATA, value: /var/lib/postgresql/data/pgdata}
      - {name: POSTGRES_USER, value: streamvault}
      - name: POSTGRES_PASSWORD
        valueFrom: {secretKeyRef: {name: streamvault-stores, key: MONGODB_PASSWORD}}
    # By command: the server listens on the pod's loopback only, which probes over the network do not reach. While the
    # first start makes the database, it listens on a socket file alone and counts as not started.
    startupProbe:
      exec: &ready {command: [pg_isready, --quiet, --host=127.0.0.1, --username=streamvault, --dbname=postgres]}
      periodSeconds: 3
      timeoutSeconds: 10
      failureThreshold: 100
    # Seldom: each of these commands costs more than what the server does at rest.
    readinessProbe:
      exec: *ready
      periodSeconds: 30
      timeoutSeconds: 10
    # A server that recovers after a crash of its own refuses connections, and must not be killed for that.
    livenessProbe:
      exec: *ready
      periodSeconds: 60
      timeoutSeconds: 10
      failureThreshold: 3
    resources: {{- include "streamvault.resources" .Values.mongodb.resources | nindent 6 }}
    volumeMounts:
      - {name: data, mountPath: /var/lib/postgresql/data}
      - {name: run, mountPath: /run/postgresql}
      - {name: shm, mountPath: /dev/shm}
      - {name: tmp, mountPath: /tmp, subPath: postgres}
volumes:
  - name: state
    emptyDir: {sizeLimit: 16Mi}
  - name: run
    emptyDir: {medium: Memory, sizeLimit: 1Mi}
  - name: shm
    emptyDir: {medium: Memory, sizeLimit: 256Mi}
  - name: tmp
    emptyDir: {sizeLimit: 256Mi}
{{- end }}
