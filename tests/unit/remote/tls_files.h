/* SPDX-License-Identifier: Apache-2.0 */
/* tls_files.h - keys and certificates for tests, made anew in a directory of the test's own. */
#ifndef TESTS_UNIT_REMOTE_TLS_FILES_H
#define TESTS_UNIT_REMOTE_TLS_FILES_H

#include "remote/channel.h"
#include "suite.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_S 86400L

static char tls_directory[64];

static inline const char *tls_path(const char *name)
{
	static char paths[8][128];
	static unsigned next;
	char *path = paths[next++ % 8];

	if (!tls_directory[0]) {
		strcpy(tls_directory, "/tmp/test_tls_XXXXXX");
		ck_assert_ptr_nonnull(mkdtemp(tls_directory));
	}
	snprintf(path, 128, "%s/%s", tls_directory, name);
	return path;
}

static inline void tls_write(const char *name, const char *text, mode_t mode)
{
	FILE *file = fopen(tls_path(name), "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(tls_path(name), mode), 0);
}

struct tls_ca {
	EVP_PKEY *key;
	X509 *certificate;
};

static inline void tls_save(const char *name, X509 *certificate, EVP_PKEY *key)
{
	char file_name[64];
	FILE *file;

	snprintf(file_name, sizeof(file_name), "%s.pem", name);
	ck_assert_ptr_nonnull(file = fopen(tls_path(file_name), "w"));
	ck_assert_int_eq(PEM_write_X509(file, certificate), 1);
	fclose(file);
	snprintf(file_name, sizeof(file_name), "%s.key", name);
	ck_assert_ptr_nonnull(file = fopen(tls_path(file_name), "w"));
	ck_assert_int_eq(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(file);
}

static inline void tls_extend(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	ck_assert_ptr_nonnull(extension);
	ck_assert_int_eq(X509_add_ext(certificate, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

/* NAME.pem and NAME.key, signed by ca or, if that is NULL, by itself. */
static inline struct tls_ca tls_issue(const char *name, const char *alt_name,
				      const struct tls_ca *ca, long days)
{
	struct tls_ca made = {EVP_EC_gen("P-256"), X509_new()};
	X509_NAME *subject = X509_get_subject_name(made.certificate);

	X509_set_version(made.certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), 1 + (long)strlen(name));
	X509_gmtime_adj(X509_getm_notBefore(made.certificate), -10 * DAY_S);
	X509_gmtime_adj(X509_getm_notAfter(made.certificate), days * DAY_S);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
				   0);
	X509_set_issuer_name(made.certificate,
			     ca ? X509_get_subject_name(ca->certificate) : subject);
	X509_set_pubkey(made.certificate, made.key);
	if (!ca)
		tls_extend(made.certificate, NID_basic_constraints, "critical,CA:TRUE");
	if (alt_name)
		tls_extend(made.certificate, NID_subject_alt_name, alt_name);
	ck_assert_int_gt(X509_sign(made.certificate, ca ? ca->key : made.key, EVP_sha256()), 0);
	tls_save(name, made.certificate, made.key);
	return made;
}

static inline void tls_drop(struct tls_ca *made)
{
	EVP_PKEY_free(made->key);
	X509_free(made->certificate);
}

static inline void tls_issue_only(const char *name, const char *alt_name, const struct tls_ca *ca,
				  long days)
{
	struct tls_ca made = tls_issue(name, alt_name, ca, days);

	tls_drop(&made);
}

/* ca, server (for 127.0.0.1), elsewhere (for another host), alice, late (expired); and rogue,
 * mallory, of another CA. */
static inline void tls_make_files(void)
{
	struct tls_ca ca = tls_issue("ca", NULL, NULL, 10);
	struct tls_ca rogue = tls_issue("rogue", NULL, NULL, 10);

	tls_issue_only("server", "IP:127.0.0.1", &ca, 10);
	tls_issue_only("elsewhere", "DNS:elsewhere.test", &ca, 10);
	tls_issue_only("alice", NULL, &ca, 10);
	tls_issue_only("late", "IP:127.0.0.1", &ca, -1);
	tls_issue_only("mallory", "IP:127.0.0.1", &rogue, 10);
	tls_drop(&ca);
	tls_drop(&rogue);
	tls_write("keys",
		  "alice:000102030405060708090a0b0c0d0e0f\nbob:ffffffffffffffffffffffff"
		  "ffffffff\n",
		  0600);
	tls_write("alice", "alice:000102030405060708090a0b0c0d0e0f\n", 0600);
	tls_write("wrong", "alice:100102030405060708090a0b0c0d0e0f\n", 0600);
	tls_write("unknown", "carol:000102030405060708090a0b0c0d0e0f\n", 0600);
}

static inline void tls_remove_files(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", tls_directory);
	ck_assert_int_eq(system(command), 0);
	tls_directory[0] = 0;
}

static inline struct tls_context *tls_psk(enum tls_role role, const char *file)
{
	const struct tls_config config = {tls_path(file), "", "", ""};
	struct tls_context *context;

	ck_ok(tls_context_create(&config, role, &context));
	return context;
}

/* Shows NAME's certificate and accepts those of ca. */
static inline struct tls_context *tls_certificate(enum tls_role role, const char *name,
						  const char *ca)
{
	char cert[64], key[64], trusted[64];
	struct tls_context *context;

	snprintf(cert, sizeof(cert), "%s.pem", name);
	snprintf(key, sizeof(key), "%s.key", name);
	snprintf(trusted, sizeof(trusted), "%s.pem", ca);
	ck_ok(tls_context_create(
		&(struct tls_config){"", tls_path(cert), tls_path(key), tls_path(trusted)}, role,
		&context));
	return context;
}

#endif
