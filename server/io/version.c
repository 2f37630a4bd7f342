/* version.c - which library this is. */
#include "millrace/version.h"

#define TEXT_OF(x)      #x
#define JOINED(a, b, c) TEXT_OF(a) "." TEXT_OF(b) "." TEXT_OF(c)

const char *mr_version(void)
{
    return JOINED(MR_VERSION_MAJOR, MR_VERSION_MINOR, MR_VERSION_PATCH);
}
