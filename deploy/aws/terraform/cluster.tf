# One instance, since all processes share FLUX_HOME: its locks are flocks and the warehouse a DuckDB file, both of which
# want a local disk. A new instance is this one replaced, with the volumes attached anew; meanwhile the source keeps its
# WAL and SDKs keep their events.
resource "aws_ecs_cluster" "flux" {
  name = "flux"
}

resource "aws_cloudwatch_log_group" "flux" {
  name              = "/flux"
  retention_in_days = 30
}

resource "aws_instance" "flux" {
  ami                    = var.ami_id
  instance_type          = var.instance_type
  availability_zone      = var.availability_zone
  subnet_id              = var.subnet_id
  vpc_security_group_ids = [aws_security_group.flux.id]
  iam_instance_profile   = aws_iam_instance_profile.flux.name

  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    encrypted   = true
    volume_type = "gp3"
    volume_size = 50
  }

  user_data = templatefile("${path.module}/instance.sh", {
    cluster     = aws_ecs_cluster.flux.name
    log_volume  = aws_ebs_volume.log.id
    home_volume = aws_ebs_volume.home.id
  })

  tags = {
    Name = "flux"
  }
}

locals {
  tasks = toset(["capture", "collector", "loader", "dagster", "windows"])
}

resource "aws_ecs_task_definition" "flux" {
  for_each = local.tasks

  family                   = "flux-${each.key}"
  requires_compatibilities = ["EC2"]
  network_mode             = "host"
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn

  container_definitions = templatefile("${path.module}/../tasks/${each.key}.json", {
    image       = var.image
    region      = var.region
    log_group   = aws_cloudwatch_log_group.flux.name
    source_url  = aws_secretsmanager_secret.flux["source_url"].arn
    dagster_url = aws_secretsmanager_secret.flux["dagster_url"].arn
    write_keys  = aws_secretsmanager_secret.flux["write_keys"].arn
  })

  volume {
    name      = "home"
    host_path = "/var/lib/flux"
  }
}

resource "aws_ecs_service" "flux" {
  for_each = local.tasks

  name            = "flux-${each.key}"
  cluster         = aws_ecs_cluster.flux.id
  task_definition = aws_ecs_task_definition.flux[each.key].arn
  desired_count   = 1
  launch_type     = "EC2"

  # The old one ends before the new one starts: a log has one writer, and a warehouse one owner.
  deployment_minimum_healthy_percent = 0
  deployment_maximum_percent         = 100

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }
}
