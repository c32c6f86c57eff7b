# Names alone: values are put in by hand or by the database's own rotation, so that none stands in the state of Terraform.
#
#     aws secretsmanager put-secret-value --secret-id flux/source_url --secret-string "$(cat source_url)"
locals {
  secrets = {
    source_url  = "postgresql://... of the product, a role of ingestion/postgres/grants"
    dagster_url = "postgresql://dagster:...@... of Dagster's storage"
    write_keys  = "key:source,key:source of Segment sources"
  }
}

resource "aws_secretsmanager_secret" "flux" {
  for_each = local.secrets

  name                    = "flux/${each.key}"
  description             = each.value
  recovery_window_in_days = 7
}
