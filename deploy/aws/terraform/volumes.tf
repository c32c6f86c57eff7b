# What is acknowledged lies on these: to Postgres as flushed, to an SDK as 200. So they outlive the instance, are never
# destroyed by an apply, and are snapshotted; Flux' own backup (deploy/backup/daily) goes to another place besides.
resource "aws_ebs_volume" "log" {
  availability_zone = var.availability_zone
  type              = "gp3"
  size              = var.log_gib
  encrypted         = true

  tags = {
    Name   = "flux-log"
    backup = "flux"
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_ebs_volume" "home" {
  availability_zone = var.availability_zone
  type              = "gp3"
  size              = var.home_gib
  encrypted         = true

  tags = {
    Name   = "flux-home"
    backup = "flux"
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_volume_attachment" "log" {
  device_name                    = "/dev/sdf"
  volume_id                      = aws_ebs_volume.log.id
  instance_id                    = aws_instance.flux.id
  stop_instance_before_detaching = true
}

resource "aws_volume_attachment" "home" {
  device_name                    = "/dev/sdg"
  volume_id                      = aws_ebs_volume.home.id
  instance_id                    = aws_instance.flux.id
  stop_instance_before_detaching = true
}

# One snapshot of a volume is one moment of it; those of two volumes are not the same moment. A log that is older than the
# warehouse is found out at the start and said (docs/runbook.md); restore from a backup of Flux where both are gone.
resource "aws_dlm_lifecycle_policy" "volumes" {
  description        = "Snapshots of the volumes of Flux"
  execution_role_arn = aws_iam_role.snapshots.arn
  state              = "ENABLED"

  policy_details {
    resource_types = ["VOLUME"]

    target_tags = {
      backup = "flux"
    }

    schedule {
      name      = "four a day"
      copy_tags = true

      create_rule {
        interval      = 6
        interval_unit = "HOURS"
        times         = ["00:30"]
      }

      retain_rule {
        count = var.snapshots_kept
      }
    }
  }
}
