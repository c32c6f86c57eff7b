# Three roles: the instance joins the cluster, ECS reads the secrets and pulls the image, the tasks themselves may nothing.
data "aws_iam_policy_document" "assume" {
  for_each = {
    instance  = "ec2.amazonaws.com"
    execution = "ecs-tasks.amazonaws.com"
    task      = "ecs-tasks.amazonaws.com"
    snapshots = "dlm.amazonaws.com"
  }

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [each.value]
    }
  }
}

resource "aws_iam_role" "instance" {
  name               = "flux-instance"
  assume_role_policy = data.aws_iam_policy_document.assume["instance"].json
}

resource "aws_iam_role_policy_attachment" "instance" {
  for_each = toset([
    "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role",
    "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
  ])

  role       = aws_iam_role.instance.name
  policy_arn = each.value
}

resource "aws_iam_instance_profile" "flux" {
  name = "flux"
  role = aws_iam_role.instance.name
}

resource "aws_iam_role" "execution" {
  name               = "flux-execution"
  assume_role_policy = data.aws_iam_policy_document.assume["execution"].json
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

data "aws_iam_policy_document" "secrets" {
  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [for secret in aws_secretsmanager_secret.flux : secret.arn]
  }
}

resource "aws_iam_role_policy" "secrets" {
  name   = "read-the-secrets-of-flux"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.secrets.json
}

resource "aws_iam_role" "task" {
  name               = "flux-task"
  assume_role_policy = data.aws_iam_policy_document.assume["task"].json
}

resource "aws_iam_role" "snapshots" {
  name               = "flux-snapshots"
  assume_role_policy = data.aws_iam_policy_document.assume["snapshots"].json
}

resource "aws_iam_role_policy_attachment" "snapshots" {
  role       = aws_iam_role.snapshots.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSDataLifecycleManagerServiceRole"
}
