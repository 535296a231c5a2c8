/* api_form.h - the form in which a client wants an answer (Accept), and objects written in it. */
#pragma once

#include "api.h"

/* The first entry of the list that can be produced; can: bits (1 << form). FORM_NONE: 406. */
enum form form_choose(const char *accept, unsigned can);
#define FORM_BIT(form) (1u << (form))
/* What a path can answer in. */
enum {
	FORMS_PLAIN = FORM_BIT(FORM_JSON) | FORM_BIT(FORM_YAML),
	FORMS_OBJECT = FORMS_PLAIN | FORM_BIT(FORM_TABLE) | FORM_BIT(FORM_TABLE_V1BETA1) |
	               FORM_BIT(FORM_METADATA),
	FORMS_DISCOVERY =
		FORMS_PLAIN | FORM_BIT(FORM_DISCOVERY_V2) | FORM_BIT(FORM_DISCOVERY_V2BETA1),
};

static inline bool form_is_table(enum form form)
{
	return form == FORM_TABLE || form == FORM_TABLE_V1BETA1;
}
/* o as JSON in the version asked for, or as PartialObjectMetadata. */
void form_put_object(struct buf *b, const struct object *o, const char *version, enum form form);
/* Its metadata alone. */
void form_put_metadata(struct buf *b, const struct object *o);
/* "gateway.networking.k8s.io/v1beta1" */
void form_put_api_version(struct buf *b, enum kind kind, const char *version);
