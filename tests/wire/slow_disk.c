/* A slow disk, preloaded: writes of 16 KiB and more to regular files take SLOW_DISK_NS_PER_KIB nanoseconds for each KiB.

   The bytes become a hole of the same size, so that tests of tens of gigabytes do not wear out the machine's disk: what is under
   test is the memory of the writer. Smaller writes (databases) pass unchanged. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static long pace(void) {
    static long value = -1;
    if (value < 0) {
        const char *text = getenv("SLOW_DISK_NS_PER_KIB");
        value = text ? atol(text) : 0;
    }
    return value;
}

/* Whether the write was done here: waited for, and the file grown to `end` (below 0: from the descriptor's own offset). */
static int slow(int fd, size_t count, off_t offset) {
    struct stat about;
    if (count < 16384 || !pace() || fstat(fd, &about) || !S_ISREG(about.st_mode))
        return 0;
    long wait = pace() * (long)(count / 1024);
    struct timespec time = {wait / 1000000000L, wait % 1000000000L};
    nanosleep(&time, NULL);
    off_t start = offset < 0 ? lseek(fd, 0, SEEK_CUR) : offset;
    off_t end = start + (off_t)count;
    if (end > about.st_size && ftruncate(fd, end))
        return 0;
    if (offset < 0)
        lseek(fd, end, SEEK_SET);
    return 1;
}

static size_t total(const struct iovec *parts, int number) {
    size_t count = 0;
    for (int index = 0; index < number; index++)
        count += parts[index].iov_len;
    return count;
}

#define REAL(name, ...) ((ssize_t(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t count) {
    return slow(fd, count, -1) ? (ssize_t)count : REAL(write, int, const void *, size_t)(fd, data, count);
}

ssize_t pwrite64(int fd, const void *data, size_t count, off64_t offset) {
    return slow(fd, count, offset) ? (ssize_t)count
                                   : REAL(pwrite64, int, const void *, size_t, off64_t)(fd, data, count, offset);
}

ssize_t pwrite(int fd, const void *data, size_t count, off_t offset) { return pwrite64(fd, data, count, offset); }

ssize_t writev(int fd, const struct iovec *parts, int number) {
    size_t count = total(parts, number);
    return slow(fd, count, -1) ? (ssize_t)count : REAL(writev, int, const struct iovec *, int)(fd, parts, number);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int number, off64_t offset) {
    size_t count = total(parts, number);
    return slow(fd, count, offset) ? (ssize_t)count
                                   : REAL(pwritev64, int, const struct iovec *, int, off64_t)(fd, parts, number, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int number, off_t offset) { return pwritev64(fd, parts, number, offset); }

ssize_t pwritev64v2(int fd, const struct iovec *parts, int number, off64_t offset, int flags) {
    size_t count = total(parts, number);
    return slow(fd, count, offset)
               ? (ssize_t)count
               : REAL(pwritev64v2, int, const struct iovec *, int, off64_t, int)(fd, parts, number, offset, flags);
}

ssize_t pwritev2(int fd, const struct iovec *parts, int number, off_t offset, int flags) {
    return pwritev64v2(fd, parts, number, offset, flags);
}
