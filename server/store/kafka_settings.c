/* kafka_settings.c - from the environment to librdkafka. */
#include "store/kafka_settings.h"
#include "base/config.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PREFIX    "MILLRACE_KAFKA_"
#define NAME_MAX_ 128

/* Settings of config.h that begin like these. */
static bool is_setting(const char *variable, size_t len)
{
#define X(field, env, ...) env,
    static const char *const known[] = {MR_SETTINGS(X)};
#undef X

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strlen(known[i]) == len && memcmp(known[i], variable, len) == 0)
            return true;
    return false;
}

static bool is_ours(const char *property)
{
    static const char *const ours[] = {
        "bootstrap.servers",        "group.id",           "enable.auto.commit",
        "enable.auto.offset.store", "auto.offset.reset",  "partition.assignment.strategy",
        "isolation.level",          "session.timeout.ms",
    };

    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        if (strcmp(property, ours[i]) == 0)
            return true;
    return false;
}

static bool property_of(const char *name, size_t len, char out[NAME_MAX_])
{
    if (len == 0 || len >= NAME_MAX_)
        return false;
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(name[i] == '_' ? '.' : tolower((unsigned char)name[i]));
    out[len] = '\0';
    return true;
}

/* One variable, up to its "=". Its value may be a secret and is never told. */
static int set(rd_kafka_conf_t *conf, const char *variable, size_t len, const char *value,
               char why[MR_KAFKA_WHY])
{
    const size_t prefix = sizeof(PREFIX) - 1;
    char property[NAME_MAX_], said[128] = "";

    if (!property_of(variable + prefix, len - prefix, property)) {
        (void)snprintf(why, MR_KAFKA_WHY, "%.*s: is no property of librdkafka",
                       (int)(len < NAME_MAX_ ? len : NAME_MAX_), variable);
        return MR_E_CONFIG;
    }
    if (is_ours(property)) {
        (void)snprintf(why, MR_KAFKA_WHY,
                       "%.*s: %s is millrace's own, since each record must be logged exactly once",
                       (int)len, variable, property);
        return MR_E_CONFIG;
    }
    if (rd_kafka_conf_set(conf, property, value, said, sizeof(said)) != RD_KAFKA_CONF_OK) {
        char *secret = value[0] ? strstr(said, value) : NULL;

        if (secret != NULL)
            *secret = '\0';
        (void)snprintf(why, MR_KAFKA_WHY, "%.*s: %s", (int)len, variable, said);
        return MR_E_CONFIG;
    }
    return MR_OK;
}

int mr_kafka_settings(rd_kafka_conf_t *conf, char why[MR_KAFKA_WHY])
{
    int rc = MR_OK;

    why[0] = '\0';
    for (char **at = environ; *at && rc == MR_OK; at++) {
        const char *eq = strchr(*at, '=');
        size_t len = eq ? (size_t)(eq - *at) : 0;

        if (strncmp(*at, PREFIX, sizeof(PREFIX) - 1) == 0 && len > 0 && eq[1] != '\0' &&
            !is_setting(*at, len))
            rc = set(conf, *at, len, eq + 1, why);
    }
    return rc;
}

int mr_kafka_settings_check(char why[MR_KAFKA_WHY])
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int rc = mr_kafka_settings(conf, why);

    rd_kafka_conf_destroy(conf);
    return rc;
}
