/*
 * AES-256-IGE decryption with the processor's AES instructions (x86-64 AES-NI, ARMv8 crypto extension).
 *
 * IGE decrypts block i as  p[i] = D(c[i] ^ p[i-1]) ^ c[i-1],  so the blocks form one chain and only its length counts.
 * Each block's chain is kept to the fourteen AES rounds: the XORs around them are folded into the last round key, because
 *   input of block i+1 = p[i] ^ c[i+1] ^ k0 = lastround(..., k14 ^ c[i-1] ^ c[i+1] ^ k0).
 *
 * in and out may be the same buffer. Source of the mode: core.telegram.org/mtproto/description and the OpenSSL IGE paper.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ROUNDS 14
#define BLOCK 16

#if defined(__x86_64__)
#include <immintrin.h>
#define CRYPTO __attribute__((target("aes,sse2")))
typedef __m128i block;
#define LOAD(from) _mm_loadu_si128((const __m128i *)(from))
#define STORE(to, value) _mm_storeu_si128((__m128i *)(to), value)
#define XOR(a, b) _mm_xor_si128(a, b)
#define INVERSE_MIX(key) _mm_aesimc_si128(key)

static int has_instructions(void) { return __builtin_cpu_supports("aes"); }

/* All rounds on a state that was already XORed with the first round key. */
CRYPTO static inline block rounds(block state, const block *keys, block last_key) {
    for (int round = 1; round < ROUNDS; round++) state = _mm_aesdec_si128(state, keys[round]);
    return _mm_aesdeclast_si128(state, last_key);
}

#elif defined(__aarch64__)
#include <arm_neon.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>
#define CRYPTO __attribute__((target("+crypto")))
typedef uint8x16_t block;
#define LOAD(from) vld1q_u8((const uint8_t *)(from))
#define STORE(to, value) vst1q_u8((uint8_t *)(to), value)
#define XOR(a, b) veorq_u8(a, b)
#define INVERSE_MIX(key) vaesimcq_u8(key)

static int has_instructions(void) { return (getauxval(AT_HWCAP) & HWCAP_AES) != 0; }

/* This instruction adds its key before the round, so the first one gets zero and each other that of the round before. */
CRYPTO static inline block rounds(block state, const block *keys, block last_key) {
    state = vaesimcq_u8(vaesdq_u8(state, vdupq_n_u8(0)));
    for (int round = 1; round < ROUNDS - 1; round++) state = vaesimcq_u8(vaesdq_u8(state, keys[round]));
    return veorq_u8(vaesdq_u8(state, keys[ROUNDS - 1]), last_key);
}
#else
#define NO_INSTRUCTIONS
#endif

#ifdef NO_INSTRUCTIONS
int sv_ige_supported(void) { return 0; }
int sv_ige256_decrypt(const uint8_t *key, const uint8_t *iv, const uint8_t *in, uint8_t *out, size_t length) {
    (void)key, (void)iv, (void)in, (void)out, (void)length;
    return -1;
}
#else

/* S-box of FIPS 197, section 5.1.1; only the key schedule uses it. */
static const uint8_t SBOX[256] = {
    0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b, 0xfe, 0xd7, 0xab, 0x76, 0xca, 0x82, 0xc9,
    0x7d, 0xfa, 0x59, 0x47, 0xf0, 0xad, 0xd4, 0xa2, 0xaf, 0x9c, 0xa4, 0x72, 0xc0, 0xb7, 0xfd, 0x93, 0x26, 0x36, 0x3f,
    0xf7, 0xcc, 0x34, 0xa5, 0xe5, 0xf1, 0x71, 0xd8, 0x31, 0x15, 0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a, 0x07,
    0x12, 0x80, 0xe2, 0xeb, 0x27, 0xb2, 0x75, 0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e, 0x5a, 0xa0, 0x52, 0x3b, 0xd6, 0xb3,
    0x29, 0xe3, 0x2f, 0x84, 0x53, 0xd1, 0x00, 0xed, 0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb, 0xbe, 0x39, 0x4a, 0x4c, 0x58,
    0xcf, 0xd0, 0xef, 0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45, 0xf9, 0x02, 0x7f, 0x50, 0x3c, 0x9f, 0xa8, 0x51, 0xa3,
    0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5, 0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff, 0xf3, 0xd2, 0xcd, 0x0c, 0x13, 0xec, 0x5f,
    0x97, 0x44, 0x17, 0xc4, 0xa7, 0x7e, 0x3d, 0x64, 0x5d, 0x19, 0x73, 0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a, 0x90, 0x88,
    0x46, 0xee, 0xb8, 0x14, 0xde, 0x5e, 0x0b, 0xdb, 0xe0, 0x32, 0x3a, 0x0a, 0x49, 0x06, 0x24, 0x5c, 0xc2, 0xd3, 0xac,
    0x62, 0x91, 0x95, 0xe4, 0x79, 0xe7, 0xc8, 0x37, 0x6d, 0x8d, 0xd5, 0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a,
    0xae, 0x08, 0xba, 0x78, 0x25, 0x2e, 0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f, 0x4b, 0xbd, 0x8b, 0x8a, 0x70,
    0x3e, 0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e, 0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e, 0xe1, 0xf8, 0x98, 0x11,
    0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55, 0x28, 0xdf, 0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42,
    0x68, 0x41, 0x99, 0x2d, 0x0f, 0xb0, 0x54, 0xbb, 0x16};

/* The fifteen round keys of AES-256 (FIPS 197, section 5.2). */
static void expand(const uint8_t *key, uint8_t schedule[(ROUNDS + 1) * BLOCK]) {
    uint8_t round_constant = 1;
    memcpy(schedule, key, 32);
    for (int at = 32; at < (ROUNDS + 1) * BLOCK; at += 4) {
        uint8_t word[4];
        memcpy(word, schedule + at - 4, 4);
        if (at % 32 == 0) {
            const uint8_t first = word[0];
            word[0] = SBOX[word[1]] ^ round_constant;
            word[1] = SBOX[word[2]];
            word[2] = SBOX[word[3]];
            word[3] = SBOX[first];
            round_constant = (uint8_t)(round_constant << 1);
        } else if (at % 32 == 16) {
            for (int byte = 0; byte < 4; byte++) word[byte] = SBOX[word[byte]];
        }
        for (int byte = 0; byte < 4; byte++) schedule[at + byte] = schedule[at - 32 + byte] ^ word[byte];
    }
}

/* 1 when this processor has the instructions. */
int sv_ige_supported(void) { return has_instructions() ? 1 : 0; }

/* Decrypt `length` bytes, a multiple of 16; key and iv have 32 bytes. Returns 0, or -1 and does nothing. */
CRYPTO int sv_ige256_decrypt(const uint8_t *key, const uint8_t *iv, const uint8_t *in, uint8_t *out, size_t length) {
    if (length % BLOCK || !has_instructions()) return -1;
    if (!length) return 0;

    uint8_t schedule[(ROUNDS + 1) * BLOCK];
    block keys[ROUNDS + 1];
    expand(key, schedule);
    keys[0] = LOAD(schedule + ROUNDS * BLOCK);
    keys[ROUNDS] = LOAD(schedule);
    for (int round = 1; round < ROUNDS; round++) keys[round] = INVERSE_MIX(LOAD(schedule + (ROUNDS - round) * BLOCK));

    block cipher_before = LOAD(iv);
    block cipher = LOAD(in);
    block state = XOR(XOR(cipher, LOAD(iv + BLOCK)), keys[0]);
    for (size_t at = 0; at + BLOCK < length; at += BLOCK) {
        const block cipher_after = LOAD(in + at + BLOCK);
        const block whitening = XOR(cipher_after, keys[0]);
        state = rounds(state, keys, XOR(XOR(keys[ROUNDS], cipher_before), whitening));
        STORE(out + at, XOR(state, whitening));
        cipher_before = cipher;
        cipher = cipher_after;
    }
    STORE(out + length - BLOCK, rounds(state, keys, XOR(keys[ROUNDS], cipher_before)));
    return 0;
}
#endif
