/* fault.c - dying on purpose. */
#include "base/fault.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void mr_fault_point(const char *name)
{
    const char *wanted = getenv("MILLRACE_FAULT_POINT");
    size_t len = strlen(name);

    if (!wanted || strncmp(wanted, name, len) != 0)
        return;
    if (wanted[len] == '\0' || (wanted[len] == '@' && unlink(wanted + len + 1) == 0))
        (void)kill(getpid(), SIGKILL);
}
