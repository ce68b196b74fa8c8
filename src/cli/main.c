#include <stdio.h>

int main(void)
{
    fprintf(stderr, "qifeng %s\n", QF_VERSION);
    return 2;
}
