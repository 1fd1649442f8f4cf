{{- define "simpleai.name" -}}
{{- if contains "simpleai" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-simpleai" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "simpleai.labels" -}}
app.kubernetes.io/name: simpleai
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | replace "+" "_" | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "simpleai.selector" -}}
app.kubernetes.io/name: simpleai
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: gateway
{{- end }}

{{- define "simpleai.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion | replace "+" "_" }}
{{- end }}

{{- define "simpleai.scheme" -}}
{{- $tls := (.Values.settings.server).tls | default dict -}}
{{- if or $tls.certificate $tls.key }}HTTPS{{ else }}HTTP{{ end -}}
{{- end }}

{{- define "simpleai.severalGateways" -}}
{{- if or (gt (int .Values.replicas) 1) .Values.autoscaling.enabled }}yes{{ end -}}
{{- end }}

{{/* simpleai.yaml: the values, and the keys that other values imply. */}}
{{- define "simpleai.settings" -}}
{{- $settings := deepCopy .Values.settings -}}
{{- if not ($settings.auth).issuers -}}
{{- fail "settings.auth.issuers is required: the issuer whose tokens the gateway accepts, such as [{issuer: https://auth.example.com/realms/main, audience: simpleai}]" -}}
{{- end -}}
{{- if and (include "simpleai.severalGateways" .) (not .Values.database.existingSecret) (not ($settings.storage).url) -}}
{{- fail "several gateways need a database that they share: set database.existingSecret, or replicas: 1 and autoscaling.enabled: false" -}}
{{- end -}}
{{- if .Values.runnerToken.existingSecret -}}
{{- $settings = mergeOverwrite (dict "fleet" (dict "token" "${SIMPLEAI_RUNNER_TOKEN}")) $settings -}}
{{- end -}}
{{- if .Values.database.existingSecret -}}
{{- $settings = mergeOverwrite (dict "storage" (dict "url" "${SIMPLEAI_DATABASE_URL}")) $settings -}}
{{- end -}}
{{- if .Values.metrics.existingSecret -}}
{{- $settings = mergeOverwrite (dict "metrics" (dict "token" "${SIMPLEAI_METRICS_TOKEN}")) $settings -}}
{{- end -}}
{{- toYaml $settings -}}
{{- end }}

{{- define "simpleai.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "simpleai.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}
