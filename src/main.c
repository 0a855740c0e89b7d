#include <stdio.h>

int main(void)
{
    (void)puts("runbatch " RUNBATCH_VERSION);
    return 0;
}
