/* replay.c - the inputs of a fuzz target's corpus, one after the other, without a fuzzer: what was
 * found once is a test for every compiler.
 *
 *   replay DIRECTORY
 */
#include "fuzz.h"

#include <dirent.h>

int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static void run(const char *dir, const char *name)
{
    static unsigned char bytes[1 << 20];
    char path[4096];
    size_t n;
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "rb");
    FUZZ_ASSERT(f != NULL);
    n = fread(bytes, 1, sizeof(bytes), f);
    (void)fclose(f);
    (void)LLVMFuzzerTestOneInput(bytes, n);
}

int main(int argc, char **argv)
{
    unsigned n = 0;
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;

    FUZZ_ASSERT(dir != NULL);
    if (LLVMFuzzerInitialize != NULL)
        (void)LLVMFuzzerInitialize(&argc, &argv);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] != '.') {
            run(argv[1], e->d_name);
            n++;
        }
    }
    (void)closedir(dir);
    (void)printf("[==========] %u input(s) run.\n[  PASSED  ] %u test(s).\n", n, n);
    return n > 0 ? 0 : 1;
}
