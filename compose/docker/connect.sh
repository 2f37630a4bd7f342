#!/bin/sh
# connect.sh - the shared settings of Kafka Connect, then this container's places, then Connect.
set -eu
file=/tmp/connect.properties
cat /opt/millrace/connect.properties - >"$file" <<END

bootstrap.servers=$CONNECT_BOOTSTRAP_SERVERS
listeners=http://0.0.0.0:8083
rest.advertised.host.name=$(hostname -i)
rest.advertised.port=8083
plugin.path=/opt/millrace/plugins
config.providers.file.param.allowed.paths=/run/secrets,/run/connect-secrets
END
exec /opt/kafka/bin/connect-distributed.sh "$file"
