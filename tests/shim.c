/* Makes the disk of a test misbehave. Preloaded into a node (LD_PRELOAD), it looks for files beside
 * every file that is synced: with `fail-sync` there, the sync fails with EIO; with `lack-files`
 * there, with EMFILE, as if the next file could not be opened; with `slow-sync` there, it takes two
 * seconds. Beside a file that is locked, `lack-locks` makes that fail with ENOLCK, as over NFS where
 * no daemon for locks runs, and `lack-lock-calls` with EOPNOTSUPP. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int is_beside(int descriptor, const char *name) {
    char link[64], path[PATH_MAX + 16];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, PATH_MAX);
    if (length <= 0) return 0;
    path[length] = 0;
    char *slash = strrchr(path, '/');
    if (slash == NULL) return 0;
    strcpy(slash + 1, name);
    return access(path, F_OK) == 0;
}

static int sync_with(const char *symbol, int descriptor) {
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, symbol);
    if (is_beside(descriptor, "slow-sync")) sleep(2);
    if (is_beside(descriptor, "fail-sync")) {
        errno = EIO;
        return -1;
    }
    if (is_beside(descriptor, "lack-files")) {
        errno = EMFILE;
        return -1;
    }
    return next(descriptor);
}

int flock(int descriptor, int operation) {
    if (is_beside(descriptor, "lack-locks")) {
        errno = ENOLCK;
        return -1;
    }
    if (is_beside(descriptor, "lack-lock-calls")) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return ((int (*)(int, int))dlsym(RTLD_NEXT, "flock"))(descriptor, operation);
}

int fsync(int descriptor) { return sync_with("fsync", descriptor); }
int fdatasync(int descriptor) { return sync_with("fdatasync", descriptor); }
