#!/bin/sh
# Formats the storage on the first start, then runs the broker.
set -e
test -f /var/lib/kafka/meta.properties || java -cp '/opt/tabstream/kafka/*' kafka.tools.StorageTool format --standalone \
  -t "${KAFKA_CLUSTER_ID:?set KAFKA_CLUSTER_ID to a base64 uuid}" -c /etc/tabstream/server.properties
exec java -Xmx384m -cp '/opt/tabstream/kafka/*' kafka.Kafka /etc/tabstream/server.properties
