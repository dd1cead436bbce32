/*
 * A program that needs no library, with functions that are called like those of
 * libraries of cryptography, and call each other like those. Built by build.sh.
 */
typedef unsigned long u64;

#define KEEP __attribute__((noinline, used, visibility("default")))

static volatile u64 sink;

KEEP int EVP_CipherInit_ex(void *ctx, void *type, void *impl, void *key, void *iv, int enc)
{
	sink += enc;
	return 1;
}

KEEP int EVP_EncryptInit_ex(void *ctx, void *type, void *impl, void *key, void *iv)
{
	sink++;
	return EVP_CipherInit_ex(ctx, type, impl, key, iv, 1);
}

KEEP int EVP_SealInit(void *ctx, void *type, void *ek, void *ekl, void *iv, void *pubk)
{
	sink++;
	return EVP_EncryptInit_ex(ctx, type, 0, 0, 0) + EVP_EncryptInit_ex(ctx, 0, 0, ek, iv);
}

KEEP int EVP_EncryptUpdate(void *ctx, void *out, int *outl, const void *in, int inl)
{
	sink += inl;
	return 1;
}

KEEP int EVP_CipherUpdate(void *ctx, void *out, int *outl, const void *in, int inl)
{
	sink++;
	return EVP_EncryptUpdate(ctx, out, outl, in, inl);
}

KEEP int EVP_EncryptFinal_ex(void *ctx, void *out, int *outl)
{
	sink++;
	return 1;
}

KEEP int EVP_CIPHER_CTX_free(void *ctx)
{
	sink++;
	return 1;
}

KEEP int gnutls_aead_cipher_encrypt(void *h, void *nonce, u64 nonce_len, void *auth, u64 auth_len, u64 tag, void *text, u64 len,
				    void *out, u64 *out_len)
{
	sink += len;
	return 0;
}

KEEP int gnutls_aead_cipher_deinit(void *h)
{
	sink++;
	return 0;
}

KEEP int gcry_cipher_encrypt(void *h, void *out, u64 size, const void *in, u64 len)
{
	sink += size;
	return 0;
}

KEEP int gcry_cipher_close(void *h)
{
	sink++;
	return 0;
}

KEEP int crypto_secretbox_easy(void *c, const void *m, u64 len, void *n, void *k)
{
	sink += len;
	return 0;
}

static char a, b, c, d;

static void run(void)
{
	/* As EVP_EncryptInit_ex: 3 times 1009 bytes. */
	EVP_EncryptInit_ex(&a, &a, 0, &a, &a);
	for (int i = 0; i < 3; i++)
		EVP_EncryptUpdate(&a, 0, 0, 0, 1009);
	EVP_EncryptFinal_ex(&a, 0, 0);
	EVP_CIPHER_CTX_free(&a);
	/* By a direction: 5 times 1013 bytes. */
	EVP_CipherInit_ex(&b, &b, 0, 0, 0, 1);
	EVP_CipherInit_ex(&b, 0, 0, &b, &b, -1);
	for (int i = 0; i < 5; i++)
		EVP_CipherUpdate(&b, 0, 0, 0, 1013);
	/* The next set-up of the same object ends it: that is to decrypt, which nobody tells. */
	EVP_CipherInit_ex(&b, &b, 0, &b, &b, 0);
	EVP_CipherUpdate(&b, 0, 0, 0, 7919);
	EVP_CIPHER_CTX_free(&b);
	/* Sealed: 2003 bytes. */
	EVP_SealInit(&a, &a, 0, 0, 0, 0);
	EVP_EncryptUpdate(&a, 0, 0, 0, 2003);
	EVP_EncryptFinal_ex(&a, 0, 0);
	/* Random numbers: few bytes. */
	EVP_CipherInit_ex(&d, &d, 0, &d, &d, 1);
	for (int i = 0; i < 11; i++)
		EVP_CipherUpdate(&d, 0, 0, 0, 48);
	EVP_CIPHER_CTX_free(&d);
	/* Other libraries: 2 times 3001; 4001 in place; 5003, and 99. */
	for (int i = 0; i < 2; i++)
		gnutls_aead_cipher_encrypt(&c, 0, 1, 0, 2, 3, 0, 3001, 0, 0);
	gnutls_aead_cipher_deinit(&c);
	gcry_cipher_encrypt(&c, &c, 4001, 0, 0);
	gcry_cipher_close(&c);
	crypto_secretbox_easy(&c, &c, 5003, 0, 0);
	crypto_secretbox_easy(&c, &c, 99, 0, 0);
}

static void quit(void)
{
#if defined(__x86_64__)
	asm volatile("syscall" : : "a"(231), "D"(0));
#else
	register long nr asm("x8") = 94, code asm("x0") = 0;
	asm volatile("svc 0" : : "r"(nr), "r"(code));
#endif
}

void _start(void)
{
	run();
	quit();
}
