/* api_kubeconfig.h - <run_dir>/kubeconfig, for kubectl and client libraries. */
#pragma once

#include <knetd/x509.h>

/* trust: PEM of the certificates to trust. */
int kubeconfig_write(const struct x509_names *names, const struct buf *trust, const char *token,
                     struct err *e);
