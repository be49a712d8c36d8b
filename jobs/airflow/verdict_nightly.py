"""A night of Verdict a day, for Airflow 2 and 3.

`catchup` is off on purpose: a run makes whatever is missing up to its date, so that missed nights need no runs of their own.
Clear a task to run it again; that is safe at any time, and costs a second when nothing changed.
"""

import pendulum
from airflow import DAG
from airflow.exceptions import AirflowFailException
from airflow.timetables.interval import CronDataIntervalTimetable

try:
    from airflow.providers.standard.operators.python import PythonOperator
except ImportError:  # Airflow 2
    from airflow.operators.python import PythonOperator

PROJECT = "/etc/verdict/shop"


def night(ds: str) -> str:
    """Runs one date, and tells Verdict's exit codes apart."""
    import subprocess

    command = ["verdict", "run", "--project", PROJECT, "--date", ds]
    # Line by line: a task's log has what Python prints, and in Airflow 2 nothing that a child process writes by itself.
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        try:
            for line in running.stdout:
                print(line, end="", flush=True)
        except BaseException:
            # A task that is stopped, or takes too long, leaves no run behind. What is written is whole.
            running.terminate()
            raise
    if running.returncode == 2:
        # The configuration is wrong: trying again does not help.
        raise AirflowFailException("the project's files are wrong, see the log above")
    if running.returncode not in (0, 3):
        # 1 may pass by itself: Airflow tries again.
        raise RuntimeError(f"verdict ended with {running.returncode}, see the log above")
    return "attention" if running.returncode == 3 else "done"


with DAG(
    dag_id="verdict_nightly",
    # Not the bare cron line: Airflow 3 takes that for a moment without an interval, and its day would be today's.
    schedule=CronDataIntervalTimetable("15 3 * * *", timezone="UTC"),
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
