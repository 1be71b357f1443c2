/* Decrypts what comes in: 32 bytes of key, 32 of vector, then whole blocks. Tests run it for processors that are not here. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int sv_ige_supported(void);
int sv_ige256_decrypt(const uint8_t *key, const uint8_t *iv, const uint8_t *in, uint8_t *out, size_t length);

int main(void) {
    const size_t most = (size_t)64 << 20;
    uint8_t *all = malloc(most);
    if (!all || !sv_ige_supported()) return 2;
    const size_t length = fread(all, 1, most, stdin);
    if (length < 64 || sv_ige256_decrypt(all, all + 32, all + 64, all + 64, length - 64)) return 1;
    return fwrite(all + 64, 1, length - 64, stdout) == length - 64 ? 0 : 3;
}
