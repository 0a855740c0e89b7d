/* A model file that anybody may have written: its table is read, all finite numbers, or refused. */
#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "infer/initializer.h"

enum { ROWS = 2, COLUMNS = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int fd = memfd_create("model", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
        abort();
    }
    float values[ROWS * COLUMNS] = {0};
    const Status status = last_initializer_read_fd(fd, "model", ROWS, COLUMNS, values, NULL);
    for (int i = 0; status == STATUS_OK && i < ROWS * COLUMNS; i++) {
        if (!isfinite(values[i])) {
            abort();
        }
    }
    (void)close(fd);
    return 0;
}
