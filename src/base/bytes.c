#include "base/bytes.h"

#include <string.h>

void qf_wipe(void *data, size_t size)
{
    if (size > 0)
        explicit_bzero(data, size);
}

int qf_equal_ct(const void *a, const void *b, size_t size)
{
    const volatile uint8_t *x = a;
    const volatile uint8_t *y = b;
    uint8_t difference = 0;
    for (size_t i = 0; i < size; i++)
        difference |= (uint8_t)(x[i] ^ y[i]);
    return difference == 0;
}
