# For the product's RDS instance: attach this parameter group to it (static: it takes a reboot). docs/managed_postgres.md
# says where each line comes from; none of it was run on RDS.
resource "aws_db_parameter_group" "product" {
  name        = "product-logical-replication"
  family      = "postgres17"
  description = "The product's Postgres as a source of Flux"

  parameter {
    name         = "rds.logical_replication"
    value        = "1"
    apply_method = "pending-reboot"
  }

  parameter {
    name         = "max_replication_slots"
    value        = "10"
    apply_method = "pending-reboot"
  }

  parameter {
    name         = "max_wal_senders"
    value        = "10"
    apply_method = "pending-reboot"
  }

  # The limit of what a slot may hold back, in MB; where the group refuses it, FLUX_WAL_BUDGET_BYTES is what is left.
  parameter {
    name         = "max_slot_wal_keep_size"
    value        = "51200"
    apply_method = "immediate"
  }
}

resource "aws_db_subnet_group" "dagster" {
  name       = "flux-dagster"
  subnet_ids = var.dagster_subnet_ids
}

resource "aws_db_instance" "dagster" {
  identifier                  = "flux-dagster"
  engine                      = "postgres"
  engine_version              = "17"
  instance_class              = "db.t4g.small"
  allocated_storage           = 20
  storage_type                = "gp3"
  storage_encrypted           = true
  db_name                     = "dagster"
  username                    = "dagster"
  manage_master_user_password = true
  db_subnet_group_name        = aws_db_subnet_group.dagster.name
  vpc_security_group_ids      = [aws_security_group.dagster.id]
  publicly_accessible         = false
  backup_retention_period     = 14
  deletion_protection         = true
  skip_final_snapshot         = false
  final_snapshot_identifier   = "flux-dagster-last"
}
