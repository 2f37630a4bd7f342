/* test_cdc.c - every form of a Debezium record, written by hand so that each row shows one thing.
 * What Debezium itself wrote is in test_cdc_captured.c, the limits in test_cdc_limits.c.
 */
#include "cdc_guarded.h"
#include "rows.h"

#define K(lit) TEXT(lit)
#define V(lit) TEXT(lit)
#define NO_KEY                                                                                     \
    {                                                                                              \
        NULL, 0                                                                                    \
    }
#define NO_VALUE                                                                                   \
    {                                                                                              \
        NULL, 0                                                                                    \
    }
#define PG_SOURCE                                                                                  \
    "{\"version\":\"3.2.0.Final\",\"connector\":\"postgresql\",\"name\":\"mr\",\"ts_ms\":11,"      \
    "\"snapshot\":\"false\",\"db\":\"shop\",\"sequence\":\"[\\\"1\\\",\\\"2\\\"]\",\"ts_us\":"     \
    "22001,\"ts_ns\":33001002,\"schema\":\"public\",\"table\":\"t\",\"txId\":5,\"lsn\":77,"        \
    "\"xmin\":null}"
#define PG_WANT                                                                                    \
    "connector=postgresql name=mr db=shop schema=public table=t tx=5 snapshot=false lsn=77"
#define SCHEMA                                                                                     \
    "{\"type\":\"struct\",\"fields\":[{\"type\":\"int32\",\"optional\":false,\"default\":"         \
    "\"}]\\\"{[\",\"field\":\"id\"}],\"optional\":false,\"name\":\"mr.public.t.Envelope\"}"

struct row {
    const char *name, *topic;
    struct mr_span key, value;
    const char *want; /* see cdc_describe.h; or "! " and the reason */
};

/* clang-format off */
static const struct row envelopes[] = {
    {"an insert without schemas", "mr.public.t", K("{\"id\":1}"),
     V("{\"before\":null,\"after\":{\"id\":1},\"source\":" PG_SOURCE ",\"transaction\":null,\"op\":\"c\",\"ts_ms\":12,\"ts_us\":12001}"),
     "insert envelope op=c key={\"id\":1} before=null after={\"id\":1} " PG_WANT " source_ts=11 ts=12"},
    {"the same insert with schemas on both sides", "mr.public.t",
     K("{\"schema\":" SCHEMA ",\"payload\":{\"id\":1}}"),
     V("{\"schema\":" SCHEMA ",\"payload\":{\"before\":null,\"after\":{\"id\":1},\"source\":" PG_SOURCE ",\"transaction\":null,\"op\":\"c\",\"ts_ms\":12}}"),
     "insert envelope wrapped op=c key={\"id\":1} before=null after={\"id\":1} " PG_WANT " source_ts=11 ts=12"},
    {"a key with a schema beside a bare value", "mr.public.t",
     K("{\"schema\":" SCHEMA ",\"payload\":{\"id\":1}}"),
     V("{\"before\":null,\"after\":{\"id\":1},\"source\":{\"table\":\"t\"},\"op\":\"c\"}"),
     "insert envelope op=c key={\"id\":1} before=null after={\"id\":1} table=t"},
    {"a bare key beside a value with a schema", "mr.public.t", K("{\"id\":1}"),
     V("{\"schema\":{},\"payload\":{\"before\":null,\"after\":{\"id\":1},\"source\":{\"table\":\"t\"},\"op\":\"c\"}}"),
     "insert envelope wrapped op=c key={\"id\":1} before=null after={\"id\":1} table=t"},
    {"a payload before its schema", "x", K("{\"payload\":{\"id\":1},\"schema\":null}"),
     V("{\"payload\":{\"after\":{\"id\":1},\"op\":\"c\",\"source\":{\"lsn\":3}},\"schema\":{}}"),
     "insert envelope wrapped op=c key={\"id\":1} after={\"id\":1} lsn=3"},
    {"white space around everything", "x", K(" {\"id\" : 1} "),
     V(" { \"schema\" : { } ,\n \"payload\" : { \"op\" : \"u\" , \"after\" : { \"id\" : 1 } , \"source\" : { \"lsn\" : 3 } } } "),
     "update envelope wrapped op=u key={\"id\" : 1} after={ \"id\" : 1 } lsn=3"},
    {"a key of plain text", "x", K("order-17"), V("{\"after\":{},\"source\":{},\"op\":\"c\"}"), "insert envelope op=c key_text=order-17 after={}"},
    {"a key that only begins like a number", "x", K("550e8400-e29b"), V("{\"after\":{},\"source\":{},\"op\":\"c\"}"), "insert envelope op=c key_text=550e8400-e29b after={}"},
    {"a null key in words", "x", K("null"), V("{\"after\":{},\"source\":{},\"op\":\"c\"}"), "insert envelope op=c after={}"},
    {"an update with the old row", "x", NO_KEY,
     V("{\"before\":{\"id\":1,\"a\":2},\"after\":{\"id\":1,\"a\":3},\"source\":{\"table\":\"t\"},\"op\":\"u\",\"ts_ms\":1}"),
     "update envelope op=u before={\"id\":1,\"a\":2} after={\"id\":1,\"a\":3} table=t ts=1"},
    {"a delete", "x", NO_KEY,
     V("{\"before\":{\"id\":1},\"after\":null,\"source\":{\"table\":\"t\"},\"op\":\"d\",\"ts_ms\":1}"),
     "delete envelope op=d before={\"id\":1} after=null table=t ts=1"},
    {"a snapshot's read is an insert", "x", NO_KEY,
     V("{\"before\":null,\"after\":{\"id\":1},\"source\":{\"snapshot\":\"last_in_data_collection\"},\"op\":\"r\"}"),
     "insert envelope snapshot op=r before=null after={\"id\":1} snapshot=last_in_data_collection"},
    {"a read is a snapshot's even if its source does not say so", "x", NO_KEY,
     V("{\"after\":{\"id\":1},\"source\":{\"snapshot\":\"false\"},\"op\":\"r\"}"),
     "insert envelope snapshot op=r after={\"id\":1} snapshot=false"},
    {"a snapshot flag that is a boolean", "x", NO_KEY,
     V("{\"after\":{\"id\":1},\"source\":{\"snapshot\":true},\"op\":\"c\"}"),
     "insert envelope snapshot op=c after={\"id\":1} snapshot=true"},
    {"a snapshot flag that is the boolean false", "x", NO_KEY,
     V("{\"after\":{\"id\":1},\"source\":{\"snapshot\":false},\"op\":\"c\"}"),
     "insert envelope op=c after={\"id\":1} snapshot=false"},
    {"a row of an incremental snapshot", "x", NO_KEY,
     V("{\"after\":{\"id\":1},\"source\":{\"snapshot\":\"incremental\"},\"op\":\"r\"}"),
     "insert envelope snapshot op=r after={\"id\":1} snapshot=incremental"},
    {"a truncate", "x", NO_KEY,
     V("{\"before\":null,\"after\":null,\"source\":{\"table\":\"t\",\"lsn\":9},\"op\":\"t\",\"ts_ms\":1}"),
     "truncate envelope op=t before=null after=null table=t lsn=9 ts=1"},
    {"a logical message", "mr.message", K("{\"prefix\":\"p\"}"),
     V("{\"op\":\"m\",\"ts_ms\":1,\"source\":{\"schema\":\"\",\"table\":\"\",\"txId\":null,\"lsn\":9},\"message\":{\"prefix\":\"p\",\"content\":\"AAE=\"}}"),
     "message envelope op=m key={\"prefix\":\"p\"} message={\"prefix\":\"p\",\"content\":\"AAE=\"} lsn=9 ts=1"},
    {"an op that nobody knows", "x", NO_KEY,
     V("{\"after\":{\"id\":1},\"source\":{\"table\":\"t\"},\"op\":\"z\"}"),
     "other envelope op=z after={\"id\":1} table=t"},
    {"an envelope without an op is never guessed", "x", NO_KEY,
     V("{\"before\":null,\"after\":{\"id\":1},\"source\":{\"table\":\"t\"}}"),
     "other envelope before=null after={\"id\":1} table=t"},
    {"an op that is null is never guessed", "x", NO_KEY,
     V("{\"after\":{\"id\":1},\"source\":{\"table\":\"t\"},\"op\":null}"),
     "other envelope after={\"id\":1} table=t"},
    {"an envelope stripped of its source", "x", NO_KEY,
     V("{\"before\":null,\"after\":{\"id\":1},\"op\":\"c\",\"ts_ms\":5}"),
     "insert envelope op=c before=null after={\"id\":1} ts=5"},
    {"an older writer's word for an op", "x", NO_KEY,
     V("{\"after\":{\"id\":1},\"source\":{},\"op\":\"INSERT\"}"),
     "insert envelope op=INSERT after={\"id\":1}"},
    {"times of older and newer writers in any order", "x", NO_KEY,
     V("{\"after\":{},\"source\":{\"ts_ns\":7000001,\"ts_us\":7001},\"op\":\"c\",\"ts_ns\":9000001}"),
     "insert envelope op=c after={} source_ts=7 ts=9"},
    {"the transaction block", "x", NO_KEY,
     V("{\"after\":{},\"source\":{\"txId\":5},\"op\":\"c\",\"transaction\":{\"id\":\"5:77\",\"total_order\":1,\"data_collection_order\":1}}"),
     "insert envelope op=c after={} transaction={\"id\":\"5:77\",\"total_order\":1,\"data_collection_order\":1} tx=5"},
    {"a transaction's id when the source has none", "x", NO_KEY,
     V("{\"after\":{},\"source\":{\"txId\":null},\"op\":\"c\",\"transaction\":{\"id\":\"5:77\"}}"),
     "insert envelope op=c after={} transaction={\"id\":\"5:77\"} tx=5:77"},
    {"numbers keep every digit", "x", K("{\"id\":123456789012345678901234567890}"),
     V("{\"after\":{\"big\":9223372036854775808,\"pi\":3.14159265358979323846264338327950288,\"e\":1E400},\"source\":{\"lsn\":18446744073709551615,\"ts_ns\":1700000000123456789},\"op\":\"c\"}"),
     "insert envelope op=c key={\"id\":123456789012345678901234567890} after={\"big\":9223372036854775808,\"pi\":3.14159265358979323846264338327950288,\"e\":1E400} lsn=18446744073709551615 source_ts=1700000000123"},
    {"a row with columns named like an envelope's members", "x", NO_KEY,
     V("{\"before\":null,\"after\":{\"op\":\"d\",\"source\":{\"table\":\"no\"},\"before\":1},\"source\":{\"table\":\"yes\"},\"op\":\"c\"}"),
     "insert envelope op=c before=null after={\"op\":\"d\",\"source\":{\"table\":\"no\"},\"before\":1} table=yes"},
    {"escapes are kept as they are", "x", NO_KEY,
     V("{\"after\":{\"a\":\"\\u0000\\ud83d\\ude00\\\"}\"},\"source\":{\"table\":\"odd \\\"name\\\"\"},\"op\":\"c\"}"),
     "insert envelope op=c after={\"a\":\"\\u0000\\ud83d\\ude00\\\"}\"} table=odd \\\"name\\\""},
};

static const struct row connectors[] = {
    {"MySQL's position is its binlog's", "x", NO_KEY,
     V("{\"after\":{},\"source\":{\"connector\":\"mysql\",\"name\":\"m\",\"ts_ms\":1,\"snapshot\":\"false\",\"db\":\"d\",\"table\":\"t\",\"server_id\":223344,\"gtid\":\"24bc7850-2c16-11e6-a073-0242ac110002:7\",\"file\":\"mysql-bin.000003\",\"pos\":484,\"row\":2,\"thread\":7,\"query\":null},\"op\":\"c\"}"),
     "insert envelope op=c after={} connector=mysql name=m db=d table=t snapshot=false gtid=24bc7850-2c16-11e6-a073-0242ac110002:7 file=mysql-bin.000003 pos=484 row=2 source_ts=1"},
    {"MySQL without GTIDs", "x", NO_KEY,
     V("{\"after\":{},\"source\":{\"connector\":\"mariadb\",\"gtid\":null,\"file\":\"f.1\",\"pos\":4,\"row\":0},\"op\":\"c\"}"),
     "insert envelope op=c after={} connector=mariadb file=f.1 pos=4 row=0"},
    {"SQL Server's position is two LSNs and a number", "x", NO_KEY,
     V("{\"after\":{},\"source\":{\"connector\":\"sqlserver\",\"schema\":\"dbo\",\"table\":\"t\",\"change_lsn\":\"00000027:00000758:0003\",\"commit_lsn\":\"00000027:00000758:0005\",\"event_serial_no\":\"2\"},\"op\":\"u\"}"),
     "update envelope op=u after={} connector=sqlserver schema=dbo table=t commit_lsn=00000027:00000758:0005 change_lsn=00000027:00000758:0003 serial=2"},
    {"SQL Server's serial number as a number", "x", NO_KEY,
     V("{\"after\":{},\"source\":{\"change_lsn\":null,\"commit_lsn\":\"a:b:c\",\"event_serial_no\":1},\"op\":\"r\"}"),
     "insert envelope snapshot op=r after={} commit_lsn=a:b:c serial=1"},
    {"Oracle's position is its change numbers", "x", NO_KEY,
     V("{\"after\":{},\"source\":{\"connector\":\"oracle\",\"schema\":\"S\",\"table\":\"T\",\"txId\":\"6.28.807\",\"scn\":\"2122185\",\"commit_scn\":\"2122190\",\"lcr_position\":null,\"rs_id\":\"r\",\"ssn\":1,\"redo_thread\":1},\"op\":\"c\"}"),
     "insert envelope op=c after={} connector=oracle schema=S table=T tx=6.28.807 scn=2122185 commit_scn=2122190 ssn=1"},
    {"MongoDB's rows are strings and stay strings", "x", K("{\"id\":\"{\\\"$oid\\\":\\\"6\\\"}\"}"),
     V("{\"before\":null,\"after\":\"{\\\"_id\\\": {\\\"$oid\\\": \\\"6\\\"}, \\\"n\\\": 1}\",\"updateDescription\":{\"removedFields\":null,\"updatedFields\":\"{\\\"n\\\": 1}\",\"truncatedArrays\":null},\"source\":{\"connector\":\"mongodb\",\"db\":\"d\",\"collection\":\"c\",\"ord\":31,\"ts_ms\":1558965508000},\"op\":\"u\"}"),
     "update envelope op=u key={\"id\":\"{\\\"$oid\\\":\\\"6\\\"}\"} before=null after=\"{\\\"_id\\\": {\\\"$oid\\\": \\\"6\\\"}, \\\"n\\\": 1}\" connector=mongodb db=d table=c ord=31 source_ts=1558965508000"},
};

static const struct row rows_flattened[] = {
    {"a row with its metadata in columns", "x", K("{\"id\":1}"),
     V("{\"id\":1,\"a\":2,\"__op\":\"u\",\"__table\":\"t\",\"__schema\":\"s\",\"__db\":\"d\",\"__lsn\":77,\"__source_ts_ms\":11,\"__ts_ms\":12,\"__connector\":\"postgresql\",\"__name\":\"mr\",\"__txId\":5,\"__deleted\":\"false\"}"),
     "update flattened op=u key={\"id\":1} after={\"id\":1,\"a\":2,\"__op\":\"u\",\"__table\":\"t\",\"__schema\":\"s\",\"__db\":\"d\",\"__lsn\":77,\"__source_ts_ms\":11,\"__ts_ms\":12,\"__connector\":\"postgresql\",\"__name\":\"mr\",\"__txId\":5,\"__deleted\":\"false\"} connector=postgresql name=mr db=d schema=s table=t tx=5 lsn=77 source_ts=11 ts=12"},
    {"metadata named after the source block", "x", NO_KEY,
     V("{\"id\":1,\"__op\":\"c\",\"__source_lsn\":77,\"__source_table\":\"t\",\"__source_txId\":5,\"__source_snapshot\":\"first\"}"),
     "insert flattened snapshot op=c after={\"id\":1,\"__op\":\"c\",\"__source_lsn\":77,\"__source_table\":\"t\",\"__source_txId\":5,\"__source_snapshot\":\"first\"} table=t tx=5 snapshot=first lsn=77"},
    {"a transaction's id among the metadata", "x", NO_KEY,
     V("{\"__op\":\"c\",\"__transaction_id\":\"5:77\"}"),
     "insert flattened op=c after={\"__op\":\"c\",\"__transaction_id\":\"5:77\"} tx=5:77"},
    {"with a schema around it", "x", NO_KEY,
     V("{\"schema\":" SCHEMA ",\"payload\":{\"id\":1,\"__op\":\"c\"}}"),
     "insert flattened wrapped op=c after={\"id\":1,\"__op\":\"c\"}"},
    {"a deleted row, rewritten, with the string true", "x", NO_KEY, V("{\"id\":1,\"__deleted\":\"true\"}"),
     "delete flattened before={\"id\":1,\"__deleted\":\"true\"}"},
    {"a deleted row, rewritten, with the boolean", "x", NO_KEY, V("{\"id\":1,\"__deleted\":true,\"__op\":\"d\"}"),
     "delete flattened op=d before={\"id\":1,\"__deleted\":true,\"__op\":\"d\"}"},
    {"a row that says it is not deleted and no more", "x", NO_KEY, V("{\"id\":1,\"__deleted\":\"false\"}"),
     "other flattened after={\"id\":1,\"__deleted\":\"false\"}"},
    {"a row without any metadata is never guessed to be an insert", "x", NO_KEY, V("{\"id\":1,\"name\":\"n\"}"),
     "other flattened after={\"id\":1,\"name\":\"n\"}"},
    {"an empty row", "x", NO_KEY, V("{}"), "other flattened after={}"},
    {"a row read by a snapshot", "x", NO_KEY, V("{\"id\":1,\"__op\":\"r\"}"),
     "insert flattened snapshot op=r after={\"id\":1,\"__op\":\"r\"}"},
    {"a row with columns named op and source", "x", NO_KEY,
     V("{\"op\":\"d\",\"source\":\"web\",\"id\":1}"),
     "other flattened after={\"op\":\"d\",\"source\":\"web\",\"id\":1}"},
    {"an audit table's row with columns named like an envelope's", "x", NO_KEY,
     V("{\"id\":1,\"op\":\"d\",\"before\":\"x\",\"after\":\"y\",\"__op\":\"c\"}"),
     "insert flattened op=c after={\"id\":1,\"op\":\"d\",\"before\":\"x\",\"after\":\"y\",\"__op\":\"c\"}"},
    {"an audit table's row without metadata", "x", NO_KEY,
     V("{\"id\":1,\"op\":\"d\",\"before\":\"x\",\"after\":\"y\"}"),
     "other flattened after={\"id\":1,\"op\":\"d\",\"before\":\"x\",\"after\":\"y\"}"},
    {"a column named source that holds an object is not the block", "x", NO_KEY,
     V("{\"id\":1,\"source\":{\"table\":\"no\",\"ts_ms\":5},\"__op\":\"c\",\"__table\":\"yes\"}"),
     "insert flattened op=c after={\"id\":1,\"source\":{\"table\":\"no\",\"ts_ms\":5},\"__op\":\"c\",\"__table\":\"yes\"} table=yes"},
    {"columns named schema and payload that are no wrapper", "x", NO_KEY,
     V("{\"schema\":\"public\",\"payload\":{\"op\":\"c\",\"after\":{}}}"),
     "other flattened after={\"schema\":\"public\",\"payload\":{\"op\":\"c\",\"after\":{}}}"},
    {"schema and payload among other columns are no wrapper", "x", NO_KEY,
     V("{\"schema\":{\"a\":1},\"payload\":{\"op\":\"c\",\"source\":{\"table\":\"no\"},\"after\":{}},\"__op\":\"u\"}"),
     "update flattened op=u after={\"schema\":{\"a\":1},\"payload\":{\"op\":\"c\",\"source\":{\"table\":\"no\"},\"after\":{}},\"__op\":\"u\"}"},
    {"a document with members named like an envelope's", "x", NO_KEY,
     V("{\"op\":\"d\",\"source\":{\"table\":\"no\"},\"after\":{},\"__op\":\"c\"}"),
     "insert flattened op=c after={\"op\":\"d\",\"source\":{\"table\":\"no\"},\"after\":{},\"__op\":\"c\"}"},
    {"a key named serverName makes no heartbeat of a row", "x", K("{\"serverName\":\"a\"}"), V("{\"ts_ms\":5,\"id\":1}"),
     "other flattened key={\"serverName\":\"a\"} after={\"ts_ms\":5,\"id\":1}"},
    {"a status column that says END is no transaction", "x", NO_KEY, V("{\"id\":1,\"status\":\"END\"}"),
     "other flattened after={\"id\":1,\"status\":\"END\"}"},
    {"a lone ts_ms column is no heartbeat", "x", K("{\"id\":1}"), V("{\"ts_ms\":5}"),
     "other flattened key={\"id\":1} after={\"ts_ms\":5}"},
    {"an outbox row is no notification", "x", NO_KEY,
     V("{\"id\":\"u\",\"aggregate_type\":\"order\",\"type\":\"created\",\"payload\":\"{}\"}"),
     "other flattened after={\"id\":\"u\",\"aggregate_type\":\"order\",\"type\":\"created\",\"payload\":\"{}\"}"},
};

#define CLOUD "\"id\":\"name:mr;lsn:77\",\"source\":\"/debezium/postgresql/mr\",\"specversion\":\"1.0\",\"type\":\"io.debezium.connector.postgresql.DataChangeEvent\",\"time\":\"2020-01-13T14:04:18.597Z\",\"datacontenttype\":\"application/json\""
#define CLOUD_MORE "\"iodebeziumop\":\"u\",\"iodebeziumconnector\":\"postgresql\",\"iodebeziumname\":\"mr\",\"iodebeziumtsms\":\"11\",\"iodebeziumsnapshot\":\"false\",\"iodebeziumdb\":\"shop\",\"iodebeziumschema\":\"public\",\"iodebeziumtable\":\"t\",\"iodebeziumtxId\":\"5\",\"iodebeziumlsn\":\"77\",\"iodebeziumxmin\":null,\"iodebeziumtxid\":\"5:77\""
static const struct row clouds[] = {
    {"before and after in the data, the rest in attributes", "x", K("{\"id\":1}"),
     V("{" CLOUD "," CLOUD_MORE ",\"data\":{\"before\":{\"id\":1},\"after\":{\"id\":1,\"a\":2}}}"),
     "update cloudevent op=u key={\"id\":1} before={\"id\":1} after={\"id\":1,\"a\":2} " PG_WANT " source_ts=11"},
    {"data with a schema around it", "x", NO_KEY,
     V("{" CLOUD "," CLOUD_MORE ",\"data\":{\"schema\":" SCHEMA ",\"payload\":{\"before\":null,\"after\":{\"id\":1}}}}"),
     "update cloudevent wrapped op=u before=null after={\"id\":1} " PG_WANT " source_ts=11"},
    {"the whole event with a schema around it", "x", NO_KEY,
     V("{\"schema\":" SCHEMA ",\"payload\":{" CLOUD "," CLOUD_MORE ",\"data\":{\"before\":null,\"after\":{\"id\":1}}}}"),
     "update cloudevent wrapped op=u before=null after={\"id\":1} " PG_WANT " source_ts=11"},
    {"the connector by the event's type, and no op to guess from", "x", NO_KEY,
     V("{" CLOUD ",\"data\":{\"before\":null,\"after\":{\"id\":1}}}"),
     "other cloudevent before=null after={\"id\":1} connector=postgresql"},
    {"a whole envelope for data", "x", NO_KEY,
     V("{\"specversion\":\"1.0\",\"id\":\"1\",\"type\":\"t\",\"source\":\"s\",\"data\":{\"before\":null,\"after\":{\"id\":1},\"op\":\"c\",\"ts_ms\":12,\"source\":" PG_SOURCE "}}"),
     "insert cloudevent op=c before=null after={\"id\":1} " PG_WANT " source_ts=11 ts=12"},
    {"a row for data", "x", NO_KEY, V("{" CLOUD ",\"iodebeziumop\":\"c\",\"data\":{\"id\":1}}"),
     "insert cloudevent op=c after={\"id\":1} connector=postgresql"},
    {"no data", "x", NO_KEY, V("{" CLOUD ",\"iodebeziumop\":\"t\",\"iodebeziumtable\":\"t\"}"),
     "truncate cloudevent op=t connector=postgresql table=t"},
    {"SQL Server's attributes have no separators", "x", NO_KEY,
     V("{" CLOUD ",\"iodebeziumop\":\"c\",\"iodebeziumcommitlsn\":\"1:2\",\"iodebeziumchangelsn\":\"1:1\",\"iodebeziumeventserialno\":\"3\",\"iodebeziumcommitscn\":\"9\",\"data\":{\"after\":{}}}"),
     "insert cloudevent op=c after={} connector=postgresql commit_lsn=1:2 change_lsn=1:1 serial=3 commit_scn=9"},
    {"data in base64 is Avro", "x", NO_KEY, V("{" CLOUD ",\"iodebeziumop\":\"c\",\"dataschema\":\"http://r/1\",\"data\":\"AAAAAAE=\"}"),
     "! value: CloudEvents data in base64 (Avro), not JSON"},
    {"data_base64 is Avro too", "x", NO_KEY, V("{" CLOUD ",\"data_base64\":\"AAAAAAE=\"}"),
     "! value: CloudEvents data in base64 (Avro), not JSON"},
    {"somebody else's CloudEvent is a bare row", "x", NO_KEY,
     V("{\"specversion\":\"1.0\",\"id\":\"1\",\"type\":\"com.example\",\"source\":\"s\",\"data\":{\"x\":1}}"),
     "other flattened after={\"specversion\":\"1.0\",\"id\":\"1\",\"type\":\"com.example\",\"source\":\"s\",\"data\":{\"x\":1}}"},
};

static const struct row others[] = {
    {"a null value is a tombstone", "mr.public.t", K("{\"id\":1}"), NO_VALUE, "tombstone none key={\"id\":1}"},
    {"a tombstone's key is unwrapped", "x", K("{\"schema\":" SCHEMA ",\"payload\":{\"id\":1}}"), NO_VALUE, "tombstone none key={\"id\":1}"},
    {"a tombstone is one whatever its key is", "x", K("\0\0\0\0\1"), NO_VALUE, "tombstone none"},
    {"the word null is a tombstone", "x", K("{\"id\":1}"), V(" null "), "tombstone none key={\"id\":1}"},
    {"a wrapped null is a tombstone", "x", K("{\"id\":1}"), V("{\"schema\":null,\"payload\":null}"), "tombstone none wrapped key={\"id\":1}"},
    {"a null payload with a schema is a tombstone", "x", NO_KEY, V("{\"schema\":" SCHEMA ",\"payload\":null}"), "tombstone none wrapped"},
    {"a heartbeat by its topic", "__debezium-heartbeat.mr", K("{\"serverName\":\"mr\"}"), V("{\"ts_ms\":5}"),
     "heartbeat none key={\"serverName\":\"mr\"} ts=5"},
    {"a heartbeat by its topic, with schemas", "__debezium-heartbeat.mr", K("{\"schema\":{},\"payload\":{\"serverName\":\"mr\"}}"),
     V("{\"schema\":{},\"payload\":{\"ts_ms\":5}}"), "heartbeat none wrapped key={\"serverName\":\"mr\"} ts=5"},
    {"a heartbeat by its shape", "beats", K("{\"serverName\":\"mr\"}"), V("{\"ts_ms\":5}"),
     "heartbeat none key={\"serverName\":\"mr\"} ts=5"},
    {"the beginning of a transaction", "mr.transaction", K("{\"id\":\"5:77\"}"),
     V("{\"status\":\"BEGIN\",\"id\":\"5:77\",\"event_count\":null,\"data_collections\":null,\"ts_ms\":5}"),
     "transaction none key={\"id\":\"5:77\"} tx=5:77 ts=5"},
    {"the end of a transaction, on a renamed topic", "anything", NO_KEY,
     V("{\"status\":\"END\",\"id\":\"5:77\",\"event_count\":2,\"data_collections\":[{\"data_collection\":\"s.a\",\"event_count\":2}],\"ts_ms\":5}"),
     "transaction none tx=5:77 ts=5"},
    {"a transaction by its topic, with nothing but id and status", "mr.transaction", NO_KEY,
     V("{\"status\":\"BEGIN\",\"id\":\"5\"}"), "transaction none tx=5"},
    {"a schema change", "mr", K("{\"databaseName\":\"d\"}"),
     V("{\"source\":{\"connector\":\"mysql\",\"db\":\"d\",\"table\":\"t\",\"file\":\"f\",\"pos\":4},\"ts_ms\":5,\"databaseName\":\"d\",\"schemaName\":null,\"ddl\":\"ALTER TABLE t\",\"tableChanges\":[{\"type\":\"ALTER\",\"id\":\"d.t\",\"table\":{}}]}"),
     "schema none key={\"databaseName\":\"d\"} connector=mysql db=d table=t file=f pos=4 ts=5"},
    {"a schema change without a statement", "mr", NO_KEY,
     V("{\"source\":{\"connector\":\"sqlserver\"},\"databaseName\":\"d\",\"ddl\":null,\"tableChanges\":[]}"),
     "schema none connector=sqlserver"},
    {"a notification", "mr.notifications", K("{\"id\":\"u\"}"),
     V("{\"id\":\"u\",\"type\":\"COMPLETED\",\"aggregate_type\":\"Initial Snapshot\",\"additional_data\":{\"connector_name\":\"mr\"},\"timestamp\":5}"),
     "notification none key={\"id\":\"u\"}"},
    {"a notification without additional data", "n", NO_KEY,
     V("{\"id\":\"u\",\"aggregate_type\":\"Incremental Snapshot\",\"type\":\"STARTED\",\"timestamp\":5}"), "notification none"},
    {"a signal from the signal topic", "mr-signal", K("\"mr\""),
     V("{\"type\":\"execute-snapshot\",\"data\":{\"data-collections\":[\"s.t\"]}}"), "notification none key=\"mr\""},
    {"a row of the signalling table", "mr.public.debezium_signal", NO_KEY,
     V("{\"before\":null,\"after\":{\"id\":\"1\",\"type\":\"snapshot-window-open\",\"data\":\"{}\"},\"source\":{\"table\":\"debezium_signal\"},\"op\":\"c\"}"),
     "notification none op=c before=null after={\"id\":\"1\",\"type\":\"snapshot-window-open\",\"data\":\"{}\"} table=debezium_signal"},
    {"a table about signals with columns of its own", "mr.public.traffic_signals", NO_KEY,
     V("{\"after\":{\"id\":1,\"type\":\"red\",\"data\":1,\"street\":\"s\"},\"source\":{\"table\":\"traffic_signals\"},\"op\":\"c\"}"),
     "insert envelope op=c after={\"id\":1,\"type\":\"red\",\"data\":1,\"street\":\"s\"} table=traffic_signals"},
};

#define UNAVAILABLE "\"__debezium_unavailable_value\""
static const struct row unavailables[] = {
    {"an unchanged large column is flagged", "x", NO_KEY, V("{\"after\":{\"a\":" UNAVAILABLE "},\"source\":{},\"op\":\"u\"}"),
     "update envelope unavailable op=u after={\"a\":" UNAVAILABLE "}"},
    {"in the old row too", "x", NO_KEY, V("{\"before\":{\"a\":" UNAVAILABLE "},\"source\":{},\"op\":\"d\"}"),
     "delete envelope unavailable op=d before={\"a\":" UNAVAILABLE "}"},
    {"as the base64 of a bytea", "x", NO_KEY, V("{\"after\":{\"a\":\"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==\"},\"source\":{},\"op\":\"u\"}"),
     "update envelope unavailable op=u after={\"a\":\"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==\"}"},
    {"inside an array", "x", NO_KEY, V("{\"after\":{\"a\":[" UNAVAILABLE "]},\"source\":{},\"op\":\"u\"}"),
     "update envelope unavailable op=u after={\"a\":[" UNAVAILABLE "]}"},
    {"as an array of its bytes", "x", NO_KEY, V("{\"after\":{\"a\":[95,95,100,101,98,101,122,105,117,109]},\"source\":{},\"op\":\"u\"}"),
     "update envelope unavailable op=u after={\"a\":[95,95,100,101,98,101,122,105,117,109]}"},
    {"not where it is only the table's name", "x", NO_KEY, V("{\"after\":{},\"source\":{\"table\":" UNAVAILABLE "},\"op\":\"u\"}"),
     "update envelope op=u after={} table=__debezium_unavailable_value"},
};

static const struct row errors[] = {
    {"Avro in the value is named", "x", NO_KEY, V("\0\0\0\0\1\2"), "! value: Avro or Protobuf framing (first byte 0), not JSON"},
    {"Avro in the key is named", "x", K("\0\0\0\0\1\2"), V("{\"id\":1}"), "! key: Avro or Protobuf framing (first byte 0), not JSON"},
    {"an empty value is not a null one", "x", NO_KEY, V(""), "! value: empty"},
    {"a value of white space", "x", NO_KEY, V(" \n"), "! value: empty"},
    {"plain text", "x", NO_KEY, V("hello"), "! value: not JSON at byte 0"},
    {"JSON that breaks off", "x", NO_KEY, V("{\"op\":\"c\",\"after\":{\"a\":1"), "! value: the JSON breaks off after 24 bytes"},
    {"a fault inside the row", "x", NO_KEY, V("{\"op\":\"c\",\"after\":{\"a\":01},\"source\":{}}"), "! value: not JSON at byte 23"},
    {"a fault inside the source", "x", NO_KEY, V("{\"op\":\"c\",\"source\":{\"a\":1,}}"), "! value: not JSON at byte 26"},
    {"bytes that are not UTF-8 in the row", "x", NO_KEY, V("{\"op\":\"c\",\"after\":{\"a\":\"\xff\"},\"source\":{}}"), "! value: not JSON at byte 24"},
    {"text behind the value", "x", NO_KEY, V("{\"op\":\"c\"} {}"), "! value: more text after the JSON value at byte 11"},
    {"a NUL behind the value", "x", NO_KEY, V("{}\0"), "! value: more text after the JSON value at byte 2"},
    {"a wrapper that does not close", "x", NO_KEY, V("{\"schema\":{},\"payload\":{\"op\":\"c\"}"), "! value: the JSON breaks off after 33 bytes"},
    {"a schema that does not close", "x", NO_KEY, V("{\"schema\":{\"a\":[},\"payload\":{}}"), "! value: not JSON at byte 16"},
    {"a key whose JSON breaks off", "x", K("{\"id\":"), V("{\"id\":1}"), "! key: the JSON breaks off after 6 bytes"},
    {"a key of control bytes", "x", K("\1\2\3"), V("{\"id\":1}"), "! key: not JSON at byte 0"},
    {"a key that is neither JSON nor UTF-8", "x", K("k\xff"), V("{\"id\":1}"), "! key: not JSON at byte 0"},
    {"an array", "x", NO_KEY, V("[{\"op\":\"c\"}]"), "! value: a JSON array, no form of a Debezium record"},
    {"a string", "x", NO_KEY, V("\"{}\""), "! value: a JSON string, no form of a Debezium record"},
    {"a number", "x", NO_KEY, V("12"), "! value: a JSON number, no form of a Debezium record"},
    {"a boolean", "x", NO_KEY, V("true"), "! value: a JSON boolean, no form of a Debezium record"},
    {"a wrapped string", "x", NO_KEY, V("{\"schema\":{\"type\":\"string\"},\"payload\":\"s\"}"), "! value: a JSON string, no form of a Debezium record"},
    {"a heartbeat that is not JSON", "__debezium-heartbeat.mr", NO_KEY, V("x"), "! value: not JSON at byte 0"},
};
/* clang-format on */

static void check_row(void **state)
{
    const struct row *row = *state;
    struct mr_buf got = MR_BUF_INIT(10000);
    struct guards g = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    char reason[MR_CDC_REASON_MAX];
    struct mr_change c;

    if (read_guarded(&g, row->topic, row->key, row->value, &c, reason) == MR_OK)
        cdc_describe(&c, &got);
    else
        mr_buf_addf(&got, "! %s", reason);
    assert_string_equal(mr_buf_cstr(&got), row->want);
    /* Cut anywhere it is an error, or says less than it did, but never reads on. */
    for (size_t len = 0; len < row->value.len; len++)
        (void)read_guarded(&g, row->topic, row->key, mr_span_of(row->value.ptr, len), &c, reason);
    for (size_t len = 0; len < row->key.len; len++)
        (void)read_guarded(&g, row->topic, mr_span_of(row->key.ptr, len), row->value, &c, reason);
    mr_buf_free(&got);
    free_guards(&g);
}

/* clang-format off */
static const struct link {
    const char *name, *op, *header;
    struct mr_span value;
    const char *old_key, *new_key;
} links[] = {
    {"the delete of a change of key", "d", "__debezium.newkey", V("{\"id\":2}"), "", "{\"id\":2}"},
    {"its insert", "c", "__debezium.oldkey", V("{\"id\":1}"), "{\"id\":1}", ""},
    {"with a schema", "c", "__debezium.oldkey", V("{\"schema\":{},\"payload\":{\"id\":1}}"), "{\"id\":1}", ""},
    {"an update has no other half", "u", "__debezium.oldkey", V("{\"id\":1}"), "", ""},
    {"the header of the other half", "d", "__debezium.oldkey", V("{\"id\":1}"), "", ""},
    {"some other header", "c", "__debezium.context.taskId", V("{\"id\":1}"), "", ""},
    {"no JSON", "c", "__debezium.oldkey", V("Struct{id=1}"), "", ""},
    {"no object", "c", "__debezium.oldkey", V("1"), "", ""},
    {"nothing", "c", "__debezium.oldkey", NO_VALUE, "", ""},
};
/* clang-format on */

static void check_link(void **state)
{
    const struct link *row = *state;
    char value[512], reason[MR_CDC_REASON_MAX];
    struct guard g = {NULL, 0};
    struct mr_change c;

    (void)snprintf(value, sizeof(value),
                   "{\"before\":null,\"after\":null,\"source\":%s,\"op\":\"%s\"}", PG_SOURCE,
                   row->op);
    assert_int_equal(mr_cdc_read(MR_SPAN("t"), MR_SPAN_NONE, mr_span_str(value), &c, reason),
                     MR_OK);
    for (size_t len = 0; len < row->value.len; len++) {
        struct mr_change cut = c;

        mr_cdc_link(&cut, mr_span_str(row->header),
                    guard_copy(&g, mr_span_of(row->value.ptr, len)));
        guard_free(&g);
    }
    mr_cdc_link(&c, mr_span_str(row->header), row->value);
    assert_true(mr_span_is(c.old_key, row->old_key));
    assert_true(mr_span_is(c.new_key, row->new_key));
}

int main(void)
{
    struct rows r = {.n = 0};

    rows_add(&r, envelopes, check_row);
    rows_add(&r, connectors, check_row);
    rows_add(&r, rows_flattened, check_row);
    rows_add(&r, clouds, check_row);
    rows_add(&r, others, check_row);
    rows_add(&r, unavailables, check_row);
    rows_add(&r, errors, check_row);
    rows_add(&r, links, check_link);
    return rows_run("cdc", &r);
}
