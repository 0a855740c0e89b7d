/* A model file that anybody may have written: its inputs and outputs are read within their bounds, or not at
 * all. */
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "infer/model_ports.h"

static void check(const Port *ports, int count)
{
    if (count < 0 || count > SESSION_MAX_PORTS) {
        abort();
    }
    for (int i = 0; i < count; i++) {
        if (ports[i].rank < 0 || ports[i].rank > TENSOR_MAX_RANK) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int fd = memfd_create("model", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
        abort();
    }
    ModelPorts ports;
    Error err = {0};
    const Status status = model_ports_read_fd(fd, "model", &ports, &err);
    check(ports.inputs, ports.input_count);
    check(ports.outputs, ports.output_count);
    if ((status == STATUS_FAILED) != error_is_set(&err)) {
        abort();
    }
    (void)close(fd);
    return 0;
}
