"""A night of Verdict a day.

`catchup` is off on purpose: a run makes whatever is missing up to its date, so that missed nights need no runs of their own.
Clear a task to run it again; that is safe at any time, and costs a second when nothing changed.
"""

import pendulum
from airflow import DAG
from airflow.exceptions import AirflowFailException
from airflow.operators.python import PythonOperator

PROJECT = "/etc/verdict/shop"


def night(ds: str) -> str:
    """Runs one date, and tells Verdict's exit codes apart."""
    import subprocess

    command = ["verdict", "run", "--project", PROJECT, "--date", ds, "--format", "json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode == 2:
        # The configuration is wrong: trying again does not help.
        raise AirflowFailException("the project's files are wrong, see the log above")
    if done.returncode not in (0, 3):
        # 1 may pass by itself: Airflow tries again.
        raise RuntimeError(f"verdict ended with {done.returncode}, see the log above")
    return "attention" if done.returncode == 3 else "done"


with DAG(
    dag_id="verdict_nightly",
    schedule="15 3 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": pendulum.duration(minutes=5)},
    tags=["experiments"],
) as dag:
    # data_interval_start is the day that ended when this run began.
    PythonOperator(
        task_id="night",
        python_callable=night,
        op_kwargs={"ds": "{{ data_interval_start | ds }}"},
        execution_timeout=pendulum.duration(hours=6),
    )
