/* A machine with a wrong clock and a slow disk, for whoever preloads it.
 *
 * The file that KP_BAD_MACHINE names holds two numbers, read again at every call: the milliseconds
 * by which the wall clock is wrong, and those that each fsync and fdatasync take longer. The
 * monotonic clock stays true, as no kernel lets it jump. (libfaketime 0.9.10 cannot leave it alone:
 * with FAKETIME_DONT_FAKE_MONOTONIC, timed waits of CPython's threads fail or end at once.)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct told {
    long long clock_ms, sync_ms;
};

static struct told read_told(void)
{
    const char *path = getenv("KP_BAD_MACHINE");
    char text[64] = {0};
    struct told told = {0, 0};
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return told;
    if (read(file, text, sizeof text - 1) > 0)
        sscanf(text, "%lld %lld", &told.clock_ms, &told.sync_ms);
    close(file);
    return told;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        long long ms = now->tv_sec * 1000LL + read_told().clock_ms;
        now->tv_sec = ms / 1000;
        now->tv_nsec += ms % 1000 * 1000000;
        if (now->tv_nsec >= 1000000000) {
            now->tv_sec++;
            now->tv_nsec -= 1000000000;
        }
    }
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise;
    (void)zone;
    int result = clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return result;
}

time_t time(time_t *now)
{
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    if (now)
        *now = precise.tv_sec;
    return precise.tv_sec;
}

static void wait_for_disk(void)
{
    long long ms = read_told().sync_ms;
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    if (ms > 0)
        nanosleep(&pause, NULL);
}

int fsync(int file)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    wait_for_disk();
    return real(file);
}

int fdatasync(int file)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    wait_for_disk();
    return real(file);
}
