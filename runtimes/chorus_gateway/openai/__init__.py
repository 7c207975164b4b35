"""OpenAI's completions over text generation: what is asked, and how it is answered.

body ──request──▶ one stream per choice ──choices──▶ pieces ──answers──▶ JSON or events
"""
